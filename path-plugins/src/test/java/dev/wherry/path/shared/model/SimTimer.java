package dev.wherry.path.shared.model;

import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.Delayed;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** The timer of one life of a node, in virtual time. */
final class SimTimer extends AbstractExecutorService implements ScheduledExecutorService {
  private final Life life;

  SimTimer(Life life) {
    this.life = life;
  }

  private final class Task<V> extends FutureTask<V> implements ScheduledFuture<V> {
    private final long period;
    private final boolean fixedRate;
    private long at;

    Task(Callable<V> callable, long delay, long period, boolean fixedRate) {
      super(callable);
      this.period = period;
      this.fixedRate = fixedRate;
      this.at = life.simulation().now() + Math.max(0, delay);
      life.after(delay, this::fire);
    }

    private void fire() {
      if (isCancelled()) {
        return;
      }
      if (period == 0) {
        run();
      } else if (runAndReset()) {
        at = (fixedRate ? at : life.simulation().now()) + period;
        life.after(at - life.simulation().now(), this::fire);
      }
    }

    @Override
    protected void setException(Throwable t) {
      super.setException(t);
      life.simulation().report(t);
    }

    @Override
    public long getDelay(TimeUnit unit) {
      return unit.convert(at - life.simulation().now(), TimeUnit.NANOSECONDS);
    }

    @Override
    public int compareTo(Delayed other) {
      return Long.compare(getDelay(TimeUnit.NANOSECONDS), other.getDelay(TimeUnit.NANOSECONDS));
    }
  }

  @Override
  public void execute(Runnable command) {
    life.after(0, command);
  }

  @Override
  public ScheduledFuture<?> schedule(Runnable command, long delay, TimeUnit unit) {
    return schedule(
        () -> {
          command.run();
          return Boolean.TRUE;
        },
        delay,
        unit);
  }

  @Override
  public <V> ScheduledFuture<V> schedule(Callable<V> callable, long delay, TimeUnit unit) {
    return new Task<>(callable, unit.toNanos(delay), 0, false);
  }

  @Override
  public ScheduledFuture<?> scheduleAtFixedRate(
      Runnable command, long initialDelay, long period, TimeUnit unit) {
    return repeat(command, unit.toNanos(initialDelay), unit.toNanos(period), true);
  }

  @Override
  public ScheduledFuture<?> scheduleWithFixedDelay(
      Runnable command, long initialDelay, long delay, TimeUnit unit) {
    return repeat(command, unit.toNanos(initialDelay), unit.toNanos(delay), false);
  }

  private ScheduledFuture<?> repeat(Runnable command, long delay, long period, boolean fixedRate) {
    return new Task<>(
        () -> {
          command.run();
          return Boolean.TRUE;
        },
        delay,
        period,
        fixedRate);
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
