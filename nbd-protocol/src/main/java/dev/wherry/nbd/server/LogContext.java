package dev.wherry.nbd.server;

import org.slf4j.MDC;

/**
 * Says in the log's context which export and which connection the lines are about that are written
 * until it is closed. On one thread.
 */
final class LogContext implements AutoCloseable {
  private LogContext() {}

  static LogContext of(String export, Peer peer) {
    MDC.put("suid", export);
    MDC.put("connection", Long.toString(peer.id()));
    return new LogContext();
  }

  @Override
  public void close() {
    MDC.remove("suid");
    MDC.remove("connection");
  }
}
