package dev.wherry.path.shared;

import dev.wherry.path.link.LinkReply.Status;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What changes the volume's place, one at a time. Others see what a change has done a moment before
 * it has ended, and may ask for the next one then: that one waits for its turn, and is refused only
 * if it does not come in time.
 *
 * <p>Safe on any thread; never blocks.
 */
final class Turns {
  private record Waiter(String what, CompletableFuture<Void> turn) {}

  private final String suid;
  private final ScheduledExecutorService timer;
  private final Duration limit;
  private final Deque<Waiter> waiting = new ArrayDeque<>();
  private @Nullable String running;

  /**
   * @param limit how long anybody waits
   */
  Turns(String suid, ScheduledExecutorService timer, Duration limit) {
    this.suid = suid;
    this.timer = timer;
    this.limit = limit;
  }

  /**
   * Begins a change at once.
   *
   * @param what it is, for example {@code released}
   * @throws ShareException if something else is under way
   */
  synchronized void begin(String what) {
    if (running != null) {
      throw busy();
    }
    running = what;
  }

  /** What was begun has ended: whoever waits goes on, on this thread. */
  void end() {
    Waiter next;
    synchronized (this) {
      next = waiting.poll();
      running = next == null ? null : next.what;
    }
    if (next != null) {
      next.turn.complete(null);
    }
  }

  /**
   * Makes a change when nothing else is under way, on the thread that asks or on the one that ended
   * what was. Fails with {@link ShareException}, and nothing has begun, if that takes too long.
   */
  <T> CompletableFuture<T> take(String what, Supplier<CompletableFuture<T>> change) {
    return turn(what)
        .thenCompose(
            v -> {
              CompletableFuture<T> done;
              try {
                done = change.get();
              } catch (RuntimeException | Error e) {
                done = CompletableFuture.failedFuture(e);
              }
              return done.whenComplete((result, failure) -> end());
            });
  }

  private CompletableFuture<Void> turn(String what) {
    Waiter mine = new Waiter(what, new CompletableFuture<>());
    synchronized (this) {
      if (running == null) {
        running = what;
        return CompletableFuture.completedFuture(null);
      }
      waiting.add(mine);
    }
    var end = timer.schedule(() -> giveUp(mine), limit.toNanos(), TimeUnit.NANOSECONDS);
    mine.turn.whenComplete((v, failure) -> end.cancel(false));
    return mine.turn;
  }

  private void giveUp(Waiter waiter) {
    ShareException busy;
    synchronized (this) {
      if (!waiting.remove(waiter)) {
        return; // Its turn has come.
      }
      busy = busy();
    }
    waiter.turn.completeExceptionally(busy);
  }

  private ShareException busy() {
    return new ShareException(Status.REFUSED, "volume " + suid + " is being " + running);
  }
}
