package dev.wherry.path.move;

import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.Delayed;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** A timer whose time goes on only when a test lets it, from one thing to do to the next. */
public final class VirtualTime extends AbstractExecutorService implements ScheduledExecutorService {
  private final class Task<T> extends FutureTask<T> implements ScheduledFuture<T> {
    final long at;
    final long order;

    Task(Callable<T> what, long at) {
      super(what);
      this.at = at;
      this.order = count++;
    }

    @Override
    public long getDelay(TimeUnit unit) {
      return unit.convert(at - now, TimeUnit.NANOSECONDS);
    }

    @Override
    public int compareTo(Delayed other) {
      Task<?> o = (Task<?>) other;
      return at != o.at ? Long.compare(at, o.at) : Long.compare(order, o.order);
    }
  }

  private final PriorityQueue<Task<?>> tasks = new PriorityQueue<>();
  private long now;
  private long count;

  public long now() {
    return now;
  }

  public void at(long nanos, Runnable what) {
    tasks.add(new Task<>(asCallable(what), Math.max(nanos, now)));
  }

  /** Lets so much time pass. */
  public void pass(long nanos) {
    long end = now + nanos;
    runUntil(() -> false, end);
    now = end;
  }

  /** Until it is true, or so much time has passed; whether it is true. */
  public boolean until(BooleanSupplier done, long nanos) {
    return runUntil(done, now + nanos);
  }

  private boolean runUntil(BooleanSupplier done, long end) {
    while (!done.getAsBoolean()) {
      Task<?> next = tasks.peek();
      if (next == null || next.at > end) {
        return false;
      }
      tasks.remove();
      now = next.at;
      next.run();
    }
    return true;
  }

  private static Callable<Void> asCallable(Runnable what) {
    return () -> {
      what.run();
      return null;
    };
  }

  @Override
  public ScheduledFuture<?> schedule(Runnable what, long delay, TimeUnit unit) {
    return schedule(asCallable(what), delay, unit);
  }

  @Override
  public <V> ScheduledFuture<V> schedule(Callable<V> what, long delay, TimeUnit unit) {
    Task<V> task = new Task<>(what, now + unit.toNanos(delay));
    tasks.add(task);
    return task;
  }

  @Override
  public ScheduledFuture<?> scheduleAtFixedRate(Runnable r, long i, long p, TimeUnit u) {
    throw new UnsupportedOperationException();
  }

  @Override
  public ScheduledFuture<?> scheduleWithFixedDelay(Runnable r, long i, long d, TimeUnit u) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void execute(Runnable command) {
    at(now, command);
  }

  @Override
  public void shutdown() {
    tasks.clear();
  }

  @Override
  public List<Runnable> shutdownNow() {
    tasks.clear();
    return List.of();
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
    return true;
  }
}
