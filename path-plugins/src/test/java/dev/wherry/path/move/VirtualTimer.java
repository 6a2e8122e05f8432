package dev.wherry.path.move;

import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.Delayed;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * A timer of what is under test, in a time that the test has made: {@link VirtualTime} itself, or
 * the timer of somebody who is late or may die. Everything runs on the test's thread.
 */
public abstract class VirtualTimer extends AbstractExecutorService
    implements ScheduledExecutorService {
  private final class Task<V> extends FutureTask<V> implements ScheduledFuture<V> {
    private final long period;
    private final boolean fixedRate;
    private long at;

    Task(Callable<V> what, long delay, long period, boolean fixedRate) {
      super(what);
      this.period = period;
      this.fixedRate = fixedRate;
      this.at = now() + Math.max(0, delay);
      after(delay, this::fire);
    }

    private void fire() {
      if (isCancelled()) {
        return;
      }
      if (period == 0) {
        run();
      } else if (runAndReset()) {
        at = (fixedRate ? at : now()) + period;
        after(at - now(), this::fire);
      }
    }

    @Override
    protected void setException(Throwable t) {
      super.setException(t);
      failed(t);
    }

    @Override
    public long getDelay(TimeUnit unit) {
      return unit.convert(at - now(), TimeUnit.NANOSECONDS);
    }

    @Override
    public int compareTo(Delayed other) {
      return Long.compare(getDelay(TimeUnit.NANOSECONDS), other.getDelay(TimeUnit.NANOSECONDS));
    }
  }

  /** Nanoseconds since the test began. */
  public abstract long now();

  /**
   * Has something done in so many nanoseconds; at once, but not within the call, if not above 0.
   */
  public abstract void after(long nanos, Runnable what);

  /** A scheduled task threw this; nobody else would notice. */
  protected void failed(Throwable thrown) {
    throw new AssertionError("a task failed", thrown);
  }

  private static Callable<Boolean> asCallable(Runnable what) {
    return () -> {
      what.run();
      return Boolean.TRUE;
    };
  }

  @Override
  public void execute(Runnable what) {
    after(0, what);
  }

  @Override
  public ScheduledFuture<?> schedule(Runnable what, long delay, TimeUnit unit) {
    return schedule(asCallable(what), delay, unit);
  }

  @Override
  public <V> ScheduledFuture<V> schedule(Callable<V> what, long delay, TimeUnit unit) {
    return new Task<>(what, unit.toNanos(delay), 0, false);
  }

  @Override
  public ScheduledFuture<?> scheduleAtFixedRate(
      Runnable what, long initialDelay, long period, TimeUnit unit) {
    return new Task<>(asCallable(what), unit.toNanos(initialDelay), unit.toNanos(period), true);
  }

  @Override
  public ScheduledFuture<?> scheduleWithFixedDelay(
      Runnable what, long initialDelay, long delay, TimeUnit unit) {
    return new Task<>(asCallable(what), unit.toNanos(initialDelay), unit.toNanos(delay), false);
  }

  @Override
  public void shutdown() {
    throw new UnsupportedOperationException("the timer belongs to the daemon");
  }

  @Override
  public List<Runnable> shutdownNow() {
    throw new UnsupportedOperationException("the timer belongs to the daemon");
  }

  @Override
  public boolean isShutdown() {
    return false;
  }

  @Override
  public boolean isTerminated() {
    return false;
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) {
    return false;
  }
}
