package dev.wherry.nbd.client;

import java.util.concurrent.CompletableFuture;

/** Makes connections to the server, negotiation included. */
interface Dialer {
  /**
   * One attempt, bounded in time. Called and completed on the client's event loop; fails with
   * {@link NbdConnectException}.
   *
   * @param limitNanos how long it may take at most
   */
  CompletableFuture<Link> dial(long limitNanos);
}
