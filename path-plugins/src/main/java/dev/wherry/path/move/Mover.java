package dev.wherry.path.move;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.LongSupplier;

/**
 * Moves all that is missing, in the background.
 *
 * <p>Safe on any thread; never blocks.
 */
@SuppressWarnings("DoNotCallSuggester")
public final class Mover {
  /**
   * How a move stands.
   *
   * @param state {@code running}, {@code paused} (reason says why), {@code stalled} (the source
   *     cannot be read now), {@code done}
   * @param reason for people, or empty
   * @param percent of the volume's bytes that are here
   * @param bytesPerSecond brought here, over the last seconds
   * @param etaSeconds until all is here at that speed, or -1
   * @param bytesMoved by this mover
   */
  public record Status(
      String state,
      String reason,
      double percent,
      long bytesPerSecond,
      long etaSeconds,
      long bytesMoved) {}

  /**
   * How fast.
   *
   * @param minimum bytes per second that it makes whatever the hosts do
   * @param limit bytes per second that it never exceeds, or {@link Long#MAX_VALUE}
   */
  public record Pace(long minimum, long limit) {
    /** 20 MB/s at least, no limit. */
    public static final Pace DEFAULT = new Pace(20_000_000, Long.MAX_VALUE);
  }

  /**
   * @param hydrator what is moved
   * @param foreground counts the hosts' requests of this volume that were answered so far: while it
   *     grows, the move yields
   * @param timer for waiting; also runs the move's steps
   * @param nanoClock as {@link System#nanoTime}
   */
  public Mover(
      Hydrator hydrator,
      LongSupplier foreground,
      ScheduledExecutorService timer,
      LongSupplier nanoClock,
      Pace pace) {
    throw new UnsupportedOperationException();
  }

  /** Begins, or looks again for what is missing. */
  public void start() {
    throw new UnsupportedOperationException();
  }

  public void pace(Pace value) {
    throw new UnsupportedOperationException();
  }

  public Status status() {
    throw new UnsupportedOperationException();
  }

  /** Done when all has been moved and settled; fails when it is stopped before that. */
  public CompletableFuture<Void> finished() {
    throw new UnsupportedOperationException();
  }

  /** Ends it. Done when nothing of it is in flight any more. */
  public CompletableFuture<Void> stop() {
    throw new UnsupportedOperationException();
  }
}
