package dev.wherry.path.shared;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Those who wait until something is so: each names a condition, and whoever changes what conditions
 * are about has them {@linkplain #check looked at} again.
 *
 * <p>Safe on any thread; never blocks. A condition is asked with a lock held: it only looks.
 */
final class Conditions {
  private record Waiter(BooleanSupplier condition, CompletableFuture<Void> met) {}

  private final ScheduledExecutorService timer;
  private final Duration limit;
  private final List<Waiter> waiters = new ArrayList<>();

  /**
   * @param timer for the limit
   * @param limit how long anybody waits
   */
  Conditions(ScheduledExecutorService timer, Duration limit) {
    this.timer = timer;
    this.limit = limit;
  }

  /**
   * Done with true once a condition is met, on the thread that found it, or with false after the
   * limit, on the timer's.
   */
  CompletableFuture<Boolean> await(BooleanSupplier condition) {
    return await(condition, limit);
  }

  /** As {@link #await(BooleanSupplier)}, with another limit. */
  CompletableFuture<Boolean> await(BooleanSupplier condition, Duration limit) {
    CompletableFuture<Void> met = new CompletableFuture<>();
    synchronized (waiters) {
      waiters.add(new Waiter(condition, met));
    }
    check();
    if (met.isDone()) {
      return CompletableFuture.completedFuture(true);
    }
    CompletableFuture<Boolean> result = new CompletableFuture<>();
    var end = timer.schedule(() -> result.complete(false), limit.toNanos(), TimeUnit.NANOSECONDS);
    met.thenRun(
        () -> {
          end.cancel(false);
          result.complete(true);
        });
    return result.whenComplete(
        (v, failure) -> {
          synchronized (waiters) {
            waiters.removeIf(w -> w.met == met);
          }
        });
  }

  /** Something has changed: lets those go on whose condition is met. */
  void check() {
    List<Waiter> ready = new ArrayList<>();
    synchronized (waiters) {
      waiters.removeIf(w -> w.condition.getAsBoolean() && ready.add(w));
    }
    ready.forEach(w -> w.met.complete(null));
  }
}
