package dev.wherry.path.link;

import java.util.concurrent.TimeUnit;

/** The smallest round trip of the last minute. Written by one thread, read by any. */
final class RoundTrip {
  private static final int SLOTS = 6;
  private static final long SLOT = TimeUnit.SECONDS.toNanos(10);

  private final long[] least = new long[SLOTS];
  private final long[] slotOf = new long[SLOTS];
  private volatile long nanos;

  /**
   * @param now as {@link System#nanoTime}
   */
  void add(long took, long now) {
    long slot = Math.floorDiv(now, SLOT);
    int i = (int) Math.floorMod(slot, (long) SLOTS);
    long value = Math.max(1, took);
    least[i] = slotOf[i] == slot && least[i] > 0 ? Math.min(least[i], value) : value;
    slotOf[i] = slot;
    long min = value;
    for (int s = 0; s < SLOTS; s++) {
      if (least[s] > 0 && slot - slotOf[s] < SLOTS) {
        min = Math.min(min, least[s]);
      }
    }
    nanos = min;
  }

  /** In nanoseconds; 0 while it is not known. */
  long nanos() {
    return nanos;
  }

  /** What was measured holds no longer. */
  void forget() {
    java.util.Arrays.fill(least, 0);
    nanos = 0;
  }
}
