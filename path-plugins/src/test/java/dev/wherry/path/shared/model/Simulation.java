package dev.wherry.path.shared.model;

import dev.wherry.path.move.VirtualTime;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Virtual time: what happens is an event in a queue, one runs after the other on one thread, and
 * everything random comes from one seed. So a schedule can be run again, event by event.
 */
final class Simulation {
  private boolean mended;
  private final VirtualTime time = new VirtualTime();
  private final Random random;
  private final Thread thread = Thread.currentThread();
  private long ticks;
  private long executed;
  private @Nullable Throwable problem;

  Simulation(long seed) {
    this.random = new Random(seed * 0x9E3779B97F4A7C15L + 1);
  }

  /** Nanoseconds since the start. */
  long now() {
    return time.now();
  }

  /** A number larger than all before: the order of what happens within one nanosecond, too. */
  long tick() {
    return ++ticks;
  }

  /** Events that have run. */
  long executed() {
    return executed;
  }

  Random random() {
    return random;
  }

  /** Whether a store fails a request that fails so often; none does after {@link #mend}. */
  boolean fails(double share) {
    return chance(share) && !mended;
  }

  /** No store fails any more. */
  void mend() {
    mended = true;
  }

  boolean chance(double probability) {
    return random.nextDouble() < probability;
  }

  /** A number from {@code from} to below {@code end}. */
  int between(int from, int end) {
    return from + random.nextInt(end - from);
  }

  /** A random time around {@code nanos}: mostly less, sometimes ten times as much. */
  long about(long nanos) {
    long base = (long) (nanos * random.nextDouble());
    return 1 + (random.nextInt(16) == 0 ? base * 10 : base);
  }

  void after(long nanos, Runnable action) {
    if (Thread.currentThread() != thread) {
      throw new IllegalStateException(
          "something runs on " + Thread.currentThread() + ", outside of the simulation");
    }
    time.after(nanos, action);
  }

  /** Runs the next event; false if there is none. */
  boolean step() {
    if (!time.step()) {
      return false;
    }
    executed++;
    if (problem != null) {
      throw new Violation("an exception that nobody expected: " + problem, -1, problem);
    }
    return true;
  }

  /** Something threw where the thrower's caller would not have noticed. */
  void report(Throwable thrown) {
    if (problem == null) {
      problem = thrown;
    }
  }
}
