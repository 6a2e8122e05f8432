package dev.wherry.nbd.client;

import dev.wherry.nbd.Wire;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One attempt to make a session's connections: the first one, which must offer what the last
 * session had, and then as many more as are wanted and the server has room for. Event loop; what is
 * told is told there, {@code made} or {@code failed}, once.
 */
final class Opening {
  private static final Logger log = LoggerFactory.getLogger(NbdClient.class);

  /** A server that has no room for more may leave us in its backlog: that is no reason to wait. */
  private static final long MOST_FOR_MORE_NANOS = 1_000_000_000L;

  private final String place;
  private final NbdClientOptions options;
  private final Dialer dialer;
  private final Pool pool;
  private final Link.Listener listener;
  private final Runnable made;
  private final Consumer<Throwable> failed;
  private int dialing;
  private boolean over;

  /**
   * @param pool gets the connections; empty
   * @param listener is told of what happens on them
   * @param made all are there
   * @param failed it comes to nothing; what is in the pool is the listener's to close
   */
  Opening(
      String place,
      NbdClientOptions options,
      Dialer dialer,
      Pool pool,
      Link.Listener listener,
      Runnable made,
      Consumer<Throwable> failed) {
    this.place = place;
    this.options = options;
    this.dialer = dialer;
    this.pool = pool;
    this.listener = listener;
    this.made = made;
    this.failed = failed;
  }

  /**
   * Begins.
   *
   * @param before what the last session had, or null for the first one
   */
  void begin(@Nullable Terms before) {
    dialer
        .dial(options.connectTimeout().toNanos())
        .whenComplete(
            (link, e) -> {
              if (over) {
                closeQuietly(link);
              } else if (e != null) {
                failed.accept(e);
              } else {
                first(link, before);
              }
            });
  }

  /** The session is over, or needs no more: nothing is told, and what still comes is closed. */
  void end() {
    over = true;
  }

  private void first(Link link, @Nullable Terms before) {
    Terms now = link.terms();
    String missing = before == null ? null : now.missingAgainst(before);
    pool.add(link, listener);
    if (missing != null) {
      failed.accept(
          new NbdConnectException(
              NbdConnectException.Reason.REFUSED,
              place + ": the export is not what it was: " + missing));
      return;
    }
    dialing = now.has(Wire.FLAG_CAN_MULTI_CONN) ? options.connections() - 1 : 0;
    if (dialing == 0) {
      made.run();
      return;
    }
    long limit = Math.min(options.connectTimeout().toNanos(), MOST_FOR_MORE_NANOS);
    for (int n = dialing; n > 0; n--) {
      dialer.dial(limit).whenComplete(this::another);
    }
  }

  private void another(@Nullable Link link, @Nullable Throwable e) {
    if (over) {
      closeQuietly(link);
      return;
    }
    if (link == null) {
      log.debug("{}: no further connection: {}", place, String.valueOf(e));
    } else if (link.terms().equals(pool.first().terms())) {
      pool.add(link, listener);
    } else {
      closeQuietly(link);
    }
    if (--dialing == 0) {
      made.run();
    }
  }

  private static void closeQuietly(@Nullable Link link) {
    if (link != null) {
      link.close();
    }
  }
}
