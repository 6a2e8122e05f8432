package dev.wherry.path.move;

import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** At most one wake-up at a time, the earliest that was asked for. One thread at a time. */
final class Alarm {
  private final ScheduledExecutorService timer;
  private final Runnable wake;
  private final Runnable closed;
  private volatile boolean rang;
  private @Nullable Future<?> pending;
  private long pendingAt;

  /**
   * @param wake runs on the timer; calls {@link #heard} some time
   * @param closed the timer takes nothing any more
   */
  Alarm(ScheduledExecutorService timer, Runnable wake, Runnable closed) {
    this.timer = timer;
    this.wake = wake;
    this.closed = closed;
  }

  /** Takes note that it may have rung. */
  void heard() {
    if (rang) {
      rang = false;
      pending = null;
    }
  }

  void set(long now, long at) {
    if (pending != null) {
      if (at - pendingAt >= 0) {
        return;
      }
      cancel();
    }
    pendingAt = at;
    try {
      pending = timer.schedule(this::ring, Math.max(at - now, 0), TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      closed.run();
    }
  }

  void cancel() {
    if (pending != null) {
      pending.cancel(false);
      pending = null;
    }
  }

  private void ring() {
    rang = true;
    wake.run();
  }
}
