package dev.wherry.nbd.server;

import dev.wherry.nbd.Export;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Finds exports by name for clients that negotiate. Called on the connection's event loop, so it
 * must not block; the futures may complete on any thread.
 */
public interface ExportDirectory {
  /** What a client sees of one export in a LIST. */
  record Entry(String name, String description) {}

  /** The exports that this client may see. */
  CompletableFuture<List<Entry>> list(Peer peer);

  /**
   * Opens an export for one connection.
   *
   * @param name as the client sent it; empty asks for the default export
   * @return fails with a {@link RefusedException} that says how to answer
   */
  CompletableFuture<Session> open(String name, Peer peer);

  /** One connection's hold on an export. */
  interface Session {
    /** The export's own name, also where the client sent the empty one. */
    String name();

    Export export();

    /**
     * Called once transmission starts. What the server keeps of the connection is given so that it
     * can be listed and closed.
     */
    default void attached(Connection connection) {}

    /** Where the connection's requests are counted; shared by all connections of the export. */
    ExportStats stats();

    /** Called once, when the connection has ended and every one of its requests has completed. */
    void close();
  }

  /** A live connection, as its export's owner sees it. Safe on any thread. */
  interface Connection {
    Peer peer();

    /** When transmission started, milliseconds since the epoch. */
    long since();

    /** Finishes what was read, answers it, and closes. */
    void shutdown();

    /**
     * Copies replies that are still to be sent from files into memory. Once done, no reply of this
     * connection depends on the device: a suspend waits for this, not for the peer.
     */
    CompletableFuture<Void> detachReplies();

    /** Closes at once. */
    void abort();
  }
}
