package dev.wherry.nbd.server;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.nbd.server.ExportStats.Engine;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * What became of one connection's requests: counted and timed, and told in the log where people
 * should know. Event loop.
 */
final class Tally {
  private static final Logger log = LoggerFactory.getLogger(Dispatcher.class);

  private final ExportStats stats;
  private final long slowNanos;
  private final String export;
  private final Peer peer;
  private final Set<NbdError> told = EnumSet.noneOf(NbdError.class);

  /**
   * @param slowNanos what takes longer is told, 0 for nothing
   * @param export its name
   */
  Tally(ExportStats stats, long slowNanos, String export, Peer peer) {
    this.stats = stats;
    this.slowNanos = slowNanos;
    this.export = export;
    this.peer = peer;
  }

  /** A request is with the export. */
  void started() {
    stats.started();
  }

  /** It is not any more. */
  void ended() {
    stats.ended();
  }

  /**
   * The reply to a request is queued.
   *
   * @param length in bytes, 0 where none was moved
   * @param start when it came, as {@link System#nanoTime}
   * @param error what was answered, or null for success
   */
  void record(
      int type, long offset, long length, long start, Engine engine, @Nullable NbdError error) {
    long nanos = System.nanoTime() - start;
    stats.record(type, length, nanos, engine, error);
    if (slowNanos > 0 && nanos > slowNanos) {
      LogContext.in(
          export,
          peer,
          () ->
              log.atWarn()
                  .addKeyValue("command", ExportStats.Command.of(type))
                  .addKeyValue("offset", offset)
                  .addKeyValue("length", length)
                  .addKeyValue("ms", nanos / 1_000_000)
                  .addKeyValue("engine", engine)
                  .log("slow request"));
    }
  }

  /** An export that throws where it should have said no: it is asked in the plain way instead. */
  void attemptFailed(String what, RuntimeException e) {
    LogContext.in(export, peer, () -> log.error("an attempt to {} failed", what, e));
  }

  /**
   * The export has failed a request; {@link #record} follows.
   *
   * @return why, for people
   */
  String failed(int type, long offset, long length, NbdError error, Throwable failure) {
    String reason = reason(failure);
    // A disk that fails does so for every request: once per connection and kind is enough.
    LogContext.in(
        export,
        peer,
        () ->
            log.atLevel(told.add(error) ? Level.WARN : Level.DEBUG)
                .addKeyValue("command", ExportStats.Command.of(type))
                .addKeyValue("offset", offset)
                .addKeyValue("length", length)
                .addKeyValue("error", error)
                .log("request failed: {}", reason));
    return reason;
  }

  private static String reason(Throwable failure) {
    Throwable t = failure;
    while (t.getCause() != null && !(t instanceof NbdException)) {
      t = t.getCause();
    }
    return String.valueOf(t.getMessage());
  }
}
