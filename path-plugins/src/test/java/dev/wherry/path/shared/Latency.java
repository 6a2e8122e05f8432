package dev.wherry.path.shared;

import dev.wherry.path.move.VirtualTime;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/** How long things take by chance, in a test's time. */
final class Latency {
  private final VirtualTime time;
  private final Random random;

  /** Whether what takes its time may take long. */
  boolean slow = true;

  Latency(VirtualTime time, Random random) {
    this.time = time;
    this.random = random;
  }

  /** Does something in up to so many microseconds. */
  void soon(int micros, Runnable action) {
    in(random.nextInt(micros + 1), TimeUnit.MICROSECONDS, action);
  }

  /** Does something in just this time. */
  void in(long delay, TimeUnit unit, Runnable action) {
    time.schedule(action, delay, unit);
  }

  /** By chance, one time in so many. */
  boolean oneIn(int times) {
    return random.nextInt(times) == 0;
  }
}
