package dev.wherry.path.move;

import java.util.Arrays;

/** Bytes per second over the last three seconds. Safe on any thread. */
final class RateMeter {
  private static final int SLOTS = 12;
  private static final long SLOT_NANOS = 250_000_000;

  private final long[] bytes = new long[SLOTS];
  private final long began;
  private long slot;

  RateMeter(long now) {
    began = now;
  }

  synchronized void add(long count, long now) {
    advance(now);
    bytes[(int) (slot % SLOTS)] += count;
  }

  synchronized long bytesPerSecond(long now) {
    advance(now);
    long sum = 0;
    for (long b : bytes) {
      sum += b;
    }
    long over = Math.min(now - began, (SLOTS - 1) * SLOT_NANOS + (now - began) % SLOT_NANOS);
    return over < SLOT_NANOS ? sum * 4 : (long) (sum * 1e9 / over);
  }

  private void advance(long now) {
    long target = Math.max(slot, (now - began) / SLOT_NANOS);
    if (target - slot >= SLOTS) {
      Arrays.fill(bytes, 0);
    } else {
      for (long s = slot + 1; s <= target; s++) {
        bytes[(int) (s % SLOTS)] = 0;
      }
    }
    slot = target;
  }
}
