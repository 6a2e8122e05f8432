package dev.wherry.path.move;

import java.util.function.LongSupplier;

/** Whether hosts are being answered. One thread at a time. */
final class Hosts {
  /** So long after their last answer they count as idle. */
  static final long IDLE_NANOS = 300_000_000;

  private final LongSupplier answered;
  private long seen;
  private long seenAt;
  private boolean busy;

  /**
   * @param answered requests that were answered so far
   */
  Hosts(LongSupplier answered) {
    this.answered = answered;
    this.seen = answered.getAsLong();
  }

  boolean busy(long now) {
    long count = answered.getAsLong();
    if (count != seen) {
      seen = count;
      seenAt = now;
      busy = true;
    } else if (busy && now - seenAt >= IDLE_NANOS) {
      busy = false;
    }
    return busy;
  }
}
