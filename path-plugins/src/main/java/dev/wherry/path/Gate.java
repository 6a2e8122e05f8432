package dev.wherry.path;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Counts the requests inside and can be shut: the hot path of a volume. One atomic step to enter,
 * one to leave; no allocation, no lock.
 *
 * <pre>
 * bit 63    : shut, nobody enters
 * bits 62-0 : how many are inside
 * </pre>
 *
 * The word has 128 bytes to itself on either side, so that event loops on several cores share no
 * other cache line.
 */
final class Gate {
  private static final int PAD = 16;
  private static final long SHUT = Long.MIN_VALUE;

  private final AtomicLongArray word = new AtomicLongArray(2 * PAD + 1);

  /** Goes in, unless shut. */
  boolean enter() {
    for (; ; ) {
      long now = word.get(PAD);
      if (now < 0) {
        return false;
      }
      if (word.weakCompareAndSetVolatile(PAD, now, now + 1)) {
        return true;
      }
    }
  }

  /** Goes in although it may be shut: for whoever shut it. */
  void enterRegardless() {
    word.getAndIncrement(PAD);
  }

  /**
   * Goes out.
   *
   * @return whether the gate is shut and this was the last one inside
   */
  boolean leave() {
    return word.decrementAndGet(PAD) == SHUT;
  }

  /** Lets nobody in any more. */
  void shut() {
    word.getAndUpdate(PAD, w -> w | SHUT);
  }

  void open() {
    word.getAndUpdate(PAD, w -> w & ~SHUT);
  }

  /** How many are inside. */
  long inside() {
    return word.get(PAD) & ~SHUT;
  }
}
