package dev.wherry.nbd.server;

import java.util.concurrent.TimeUnit;

/** Lets one message through each second, with the number of those that it stands for. */
final class Throttle {
  private static final long PERIOD = TimeUnit.SECONDS.toNanos(1);

  private long since;
  private int count;
  private boolean begun;

  /**
   * Something happened.
   *
   * @param now in nanoseconds, as {@link System#nanoTime}
   * @return how often since the last message, or 0 if it is too early for another
   */
  synchronized int happened(long now) {
    count++;
    if (begun && now - since < PERIOD) {
      return 0;
    }
    begun = true;
    since = now;
    int n = count;
    count = 0;
    return n;
  }
}
