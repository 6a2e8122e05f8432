package dev.wherry.path.move;

import java.util.Arrays;

/**
 * The smallest delay that was seen for a piece of a size: what it takes where nothing waits. Large
 * pieces take longer than small ones on an idle path too, so each power of two has a minimum of its
 * own; one bounds the other. A minimum is forgotten after 15 to 30 seconds. One thread at a time.
 */
final class BaseDelay {
  private static final long AGE_NANOS = 15_000_000_000L;
  private static final int SMALLEST = 12;
  private static final int CLASSES = 12;
  private static final long NONE = Long.MAX_VALUE;

  private final long[] current = new long[CLASSES];
  private final long[] previous = new long[CLASSES];
  private long since;

  BaseDelay(long now) {
    since = now;
    reset();
  }

  /** Forgets all: what was seen does not hold any more. */
  void reset() {
    Arrays.fill(current, NONE);
    Arrays.fill(previous, NONE);
  }

  void add(long size, long nanos, long now) {
    if (now - since > AGE_NANOS) {
      System.arraycopy(current, 0, previous, 0, CLASSES);
      Arrays.fill(current, NONE);
      since = now;
    }
    int c = classOf(size);
    current[c] = Math.min(current[c], Math.max(nanos, 1));
  }

  /**
   * The delay of a piece on an idle path in nanoseconds.
   *
   * @param roundTrip what the path alone takes, or 0; the answer is not less
   * @param bytesPerSecond of the path, or 0
   */
  long of(long size, long roundTrip, double bytesPerSecond) {
    int own = classOf(size);
    long best = NONE;
    for (int c = 0; c < CLASSES; c++) {
      long seen = Math.min(current[c], previous[c]);
      if (seen == NONE) {
        continue;
      }
      if (c < own) {
        if (bytesPerSecond <= 0) {
          continue;
        }
        seen += (long) (((1L << (own + SMALLEST)) - (1L << (c + SMALLEST))) * 1e9 / bytesPerSecond);
      }
      best = Math.min(best, seen);
    }
    if (best == NONE) {
      best = bytesPerSecond > 0 ? roundTrip + (long) (size * 1e9 / bytesPerSecond) : roundTrip;
    }
    return Math.max(best, roundTrip);
  }

  private static int classOf(long size) {
    int log = 64 - Long.numberOfLeadingZeros(Math.max(size, 2) - 1);
    return Math.min(Math.max(log - SMALLEST, 0), CLASSES - 1);
  }
}
