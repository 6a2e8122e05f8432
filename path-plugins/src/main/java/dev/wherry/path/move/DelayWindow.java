package dev.wherry.path.move;

import java.util.function.LongSupplier;

/**
 * How many bytes may be on their way: so many that the path is full and hardly anything waits in
 * it.
 *
 * <p>What a piece takes beyond the least that pieces of its size take ({@link BaseDelay}) is time
 * in a queue. Its smallest value over a round (the time in which what was sent since the last
 * change comes back) is the queue that never empties; single late pieces do not count. The window
 * is set so that this queue becomes {@link #TARGET_NANOS}: {@code window *= (base + target) / (base
 * + queue)}. Below the path's capacity that grows it, above it one step leads to the target. It
 * begins with a doubling per round trip, until there is a queue.
 *
 * <p>A queue that is always there would pass for the path's own delay in time, so every ten seconds
 * the window is lowered for one round until the queue is empty. And if lowering it again and again
 * does not shorten the queue, then the delay is not ours, and the base is learned anew.
 *
 * <p>One thread at a time.
 */
final class DelayWindow {
  /** The queue that the move may cause. */
  static final long TARGET_NANOS = 2_500_000;

  /** Bytes that are never exceeded. */
  static final long MAX = 32 << 20;

  static final long INITIAL = 256 << 10;

  /**
   * Above this rate, delays are those of busy processors more than of a queue: so much is on its
   * way at least as is delivered in some milliseconds, up to {@link #FAST_MOST}.
   */
  private static final double FAST_BYTES_PER_SECOND = 200e6;

  private static final double FAST_SECONDS = 0.010;
  private static final double FAST_MOST = 4 << 20;

  private static final long DRAIN_EVERY_NANOS = 10_000_000_000L;
  private static final long WORST_FOR_MINIMUM_NANOS = 100_000_000;
  private static final double MOST_TARGET_NANOS = 50e6;
  private static final double MOST_BOOST = 4;
  private static final int ENOUGH_SAMPLES = 4;
  private static final long TOO_SHORT_TO_SPREAD_NANOS = 2_000_000;

  private final LongSupplier roundTrip;
  private final BaseDelay base;
  private final PathRate rate;

  private double window = INITIAL;
  private boolean slowStart = true;
  private double threshold = MAX;
  private int late;

  private long roundStart;
  private long roundBytes;
  private int roundCount;
  private long roundQueue = Long.MAX_VALUE;
  private long roundBase = Long.MAX_VALUE;
  private boolean full;

  private boolean draining;
  private double drainTo = 1;
  private boolean unknownSize;
  private long drainAt;
  private int vain;
  private boolean floored;
  private boolean guarding;
  private double allowed = INITIAL;
  private double capacity;
  private double boost = 1;
  private long spreadAt;
  private long queueBefore;

  private long delivered;
  private long deliveredAt;
  private long smoothed;
  private long lastBase;
  private long lastSize;

  DelayWindow(LongSupplier roundTrip, long now) {
    this.roundTrip = roundTrip;
    this.base = new BaseDelay(now);
    this.rate = new PathRate(now);
    this.roundStart = now;
    this.drainAt = now + DRAIN_EVERY_NANOS;
  }

  /**
   * Bytes that may be on their way.
   *
   * @param minimum bytes per second that are to be made even where others fill the queue, or 0. Of
   *     a path that is known to be slow not more than half
   */
  long size(long minimum) {
    double w = draining ? window * drainTo : window;
    double fast = rate.bytesPerSecond();
    if (fast > FAST_BYTES_PER_SECOND) {
      w = Math.max(w, Math.min(FAST_MOST, fast * FAST_SECONDS));
    }
    double owed = capacity > 0 ? Math.min((double) minimum, capacity / 2) : minimum;
    long wait = Math.min(smoothed, lastBase + WORST_FOR_MINIMUM_NANOS);
    double floor = owed * 1.2e-9 * wait;
    guarding = minimum > 0;
    floored = floor > w;
    allowed = Math.min(MAX, Math.max(Math.max(w, floor), 2.0 * lastSize));
    return (long) allowed;
  }

  /**
   * Nanoseconds until the next piece, so that a window is spread over the round trip and does not
   * wait in the path as one clump; 0 if it may leave now.
   */
  long delay(long now) {
    return smoothed < TOO_SHORT_TO_SPREAD_NANOS ? 0 : Math.max(0, spreadAt - now);
  }

  private void spread(long bytes, long now) {
    double perNano = allowed * (slowStart ? 2 : 1.25) / Math.max(smoothed, 1);
    long step = (long) (bytes / perNano);
    // Completions come when they come: two pieces may make up for that.
    spreadAt = Math.max(spreadAt, now - 2 * step) + step;
  }

  /** What the path can deliver, or 0. */
  double bytesPerSecond() {
    return rate.bytesPerSecond();
  }

  /** More could have been sent, had the window been larger. */
  void full() {
    full = true;
  }

  /** Pieces of another size follow. */
  void sizeChanged(long now) {
    drainAt = now;
    unknownSize = true;
  }

  void sent(Errand piece, boolean idle, long now) {
    if (idle) {
      deliveredAt = now;
    }
    piece.sentAt = now;
    piece.deliveredBefore = delivered;
    piece.deliveredBeforeAt = deliveredAt;
    lastSize = piece.size;
    spread(piece.size, now);
  }

  /** A piece came; all of it, not what somebody else had brought before. */
  void came(Errand piece) {
    long now = piece.doneAt;
    delivered += piece.size;
    deliveredAt = now;
    double interval = Math.max(now - piece.deliveredBeforeAt, 1);
    rate.add((delivered - piece.deliveredBefore) * 1e9 / interval, !piece.paced, now);

    long took = Math.max(now - piece.sentAt, 1);
    smoothed = smoothed == 0 ? took : smoothed + (took - smoothed) / 8;
    base.add(piece.size, took, now);
    long least = Math.min(base.of(piece.size, roundTrip.getAsLong(), rate.bytesPerSecond()), took);
    lastBase = least;
    long queue = took - least;
    if (slowStart) {
      grow(piece, queue);
    }
    if (piece.sentAt >= roundStart) {
      roundBytes += piece.size;
      roundCount++;
      roundQueue = Math.min(roundQueue, queue);
      roundBase = Math.min(roundBase, least);
      boolean enough = draining || roundBytes >= window / 2;
      if (enough && roundCount >= ENOUGH_SAMPLES) {
        endRound(now);
      }
    }
  }

  /** Nothing comes any more: what was known of the path may not hold when it is back. */
  void lost() {
    threshold = Math.max(window / 2, INITIAL);
    window = INITIAL;
    slowStart = true;
    draining = false;
    late = 0;
  }

  private void grow(Errand piece, long queue) {
    late = queue > target() ? late + 1 : 0;
    if (late >= ENOUGH_SAMPLES) {
      slowStart = false;
      double fits = rate.bytesPerSecond() * (lastBase + target()) / 1e9;
      window = Math.min(window, Math.max(fits, INITIAL));
      newRound(piece.doneAt);
    } else if (full) {
      window = Math.min(window + piece.size, MAX);
      if (window >= threshold) {
        slowStart = false;
      }
    }
  }

  private void endRound(long now) {
    if (draining) {
      draining = false;
    } else if (!slowStart) {
      double target = target();
      if (full && !guarding && roundQueue >= target / 2 && roundQueue <= 2 * target) {
        capacity = rate.bytesPerSecond(); // the queue is ours alone: so is what is delivered
      }
      boolean empty = full && roundQueue < target / 4;
      boost = empty ? Math.min(boost * 1.5, MOST_BOOST) : 1;
      double wanted = roundBase + target + TARGET_NANOS * (boost - 1);
      double seen = roundBase + Math.max(roundQueue, 0);
      double factor = Math.max(0.5, Math.min(2, wanted / seen));
      if (factor < 1 || full) {
        window = Math.min(MAX, Math.max(window * factor, 2.0 * lastSize));
      }
      doubt(factor);
      if (now - drainAt >= 0) {
        draining = full;
        drainTo = unknownSize ? 0.5 : 0.9 * lastBase / (lastBase + target);
        unknownSize = false;
        drainAt = now + DRAIN_EVERY_NANOS;
      }
    }
    newRound(now);
  }

  /** Counts how often a lower window did not shorten the queue. */
  private void doubt(double factor) {
    if (factor > 0.75 || floored) {
      vain = 0;
    } else if (roundQueue > queueBefore * 3 / 4 && ++vain >= 4) {
      base.reset();
      vain = 0;
    }
    queueBefore = roundQueue;
  }

  /** The queue to have: not less than a piece needs to go by. */
  private double target() {
    double known = rate.bytesPerSecond();
    double piece = known > 0 ? 1.5e9 * lastSize / known : 0;
    return Math.max((double) TARGET_NANOS, Math.min(piece, MOST_TARGET_NANOS));
  }

  private void newRound(long now) {
    roundStart = now;
    roundBytes = 0;
    roundCount = 0;
    roundQueue = Long.MAX_VALUE;
    roundBase = Long.MAX_VALUE;
    full = false;
  }
}
