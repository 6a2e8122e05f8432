package dev.wherry.nbd.server;

import org.slf4j.MDC;

/** Says in the log's context which export and which connection a line is about. */
final class LogContext {
  private LogContext() {}

  /** Runs what logs, on this thread. */
  static void in(String export, Peer peer, Runnable line) {
    MDC.put("suid", export);
    MDC.put("connection", Long.toString(peer.id()));
    try {
      line.run();
    } finally {
      MDC.remove("suid");
      MDC.remove("connection");
    }
  }
}
