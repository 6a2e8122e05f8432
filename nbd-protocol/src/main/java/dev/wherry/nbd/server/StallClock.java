package dev.wherry.nbd.server;

/** Tells when a peer that owes us something has not moved for too long. Not thread-safe. */
final class StallClock {
  private final long limitNanos;
  private long progress = Long.MIN_VALUE;
  private long since;

  StallClock(int limitMillis) {
    limitNanos = limitMillis * 1_000_000L;
  }

  /**
   * @param owes whether it is the peer's turn
   * @param now a number that differs whenever the peer has moved
   */
  boolean stalled(long nowNanos, boolean owes, long now) {
    if (!owes || now != progress) {
      progress = owes ? now : Long.MIN_VALUE;
      since = nowNanos;
      return false;
    }
    return nowNanos - since >= limitNanos;
  }
}
