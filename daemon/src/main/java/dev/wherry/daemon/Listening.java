package dev.wherry.daemon;

import dev.wherry.daemon.config.HostPort;
import dev.wherry.daemon.process.StartException;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Waits until an address is listened on, and words why it cannot be. */
final class Listening {
  private Listening() {}

  /**
   * The port that was bound. Blocks.
   *
   * @param setting names the address for operators
   * @param listening done with an {@link InetSocketAddress} or the port
   */
  static int port(String setting, HostPort wanted, CompletableFuture<?> listening) {
    try {
      Object bound = listening.join();
      return bound instanceof InetSocketAddress a ? a.getPort() : (Integer) bound;
    } catch (CompletionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new StartException(
          setting + " " + wanted + " cannot be listened on: " + cause.getMessage(), cause);
    }
  }
}
