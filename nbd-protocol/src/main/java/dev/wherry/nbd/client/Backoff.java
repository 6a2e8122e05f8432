package dev.wherry.nbd.client;

import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * Waits between attempts to reconnect: none before the first, then doubling from a minimum to a
 * maximum, each between half and the whole of that, so that many clients of one server do not come
 * all at once.
 */
final class Backoff {
  private final long min;
  private final long max;
  private final RandomGenerator random;
  private long next;

  Backoff(Duration min, Duration max, RandomGenerator random) {
    this.min = min.toNanos();
    this.max = Math.max(this.min, max.toNanos());
    this.random = random;
  }

  /** The wait before the next attempt, in nanoseconds. */
  long next() {
    long base = next;
    next = base == 0 ? min : Math.min(max, base * 2);
    return base == 0 ? 0 : base / 2 + random.nextLong(base / 2 + 1);
  }

  void reset() {
    next = 0;
  }
}
