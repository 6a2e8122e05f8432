package dev.wherry.path.shared;

import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.Delayed;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Time that passes when the test says so; what is due runs on the test's thread. */
final class VirtualTime extends AbstractExecutorService implements ScheduledExecutorService {
  final Random random;

  /** Whether what takes its time may take long. */
  boolean slow = true;

  private final PriorityQueue<Task<?>> queue = new PriorityQueue<>();
  private long now;
  private long sequence;

  VirtualTime(Random random) {
    this.random = random;
  }

  private final class Task<V> extends FutureTask<V> implements ScheduledFuture<V> {
    final long at;
    final long number = sequence++;

    Task(Callable<V> callable, long at) {
      super(callable);
      this.at = at;
    }

    @Override
    protected void setException(Throwable t) {
      throw new AssertionError("a task failed", t);
    }

    @Override
    public long getDelay(TimeUnit unit) {
      return unit.convert(at - now, TimeUnit.NANOSECONDS);
    }

    @Override
    public int compareTo(Delayed other) {
      Task<?> o = (Task<?>) other;
      return at == o.at ? Long.compare(number, o.number) : Long.compare(at, o.at);
    }
  }

  long now() {
    return now;
  }

  /** Does something in up to so many microseconds. */
  void soon(int micros, Runnable action) {
    schedule(action, random.nextInt(micros + 1), TimeUnit.MICROSECONDS);
  }

  /** Runs what is due next; false if there is nothing. */
  boolean step() {
    Task<?> next = queue.poll();
    if (next == null) {
      return false;
    }
    now = Math.max(now, next.at);
    if (!next.isCancelled()) {
      next.run();
    }
    return true;
  }

  /** Runs all that is left. */
  void drain() {
    for (int steps = 0; step(); steps++) {
      if (steps > 1_000_000) {
        throw new AssertionError("it never ends");
      }
    }
  }

  @Override
  public void execute(Runnable command) {
    schedule(command, 0, TimeUnit.NANOSECONDS);
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
    Task<V> task = new Task<>(callable, now + Math.max(0, unit.toNanos(delay)));
    queue.add(task);
    return task;
  }

  @Override
  public ScheduledFuture<?> scheduleAtFixedRate(
      Runnable command, long initialDelay, long period, TimeUnit unit) {
    throw new UnsupportedOperationException();
  }

  @Override
  public ScheduledFuture<?> scheduleWithFixedDelay(
      Runnable command, long initialDelay, long delay, TimeUnit unit) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void shutdown() {
    throw new UnsupportedOperationException();
  }

  @Override
  public List<Runnable> shutdownNow() {
    throw new UnsupportedOperationException();
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

  /** Runs until a future is done; its value. */
  <T> @Nullable T await(java.util.concurrent.CompletableFuture<T> future) {
    for (int steps = 0; !future.isDone(); steps++) {
      if (!step() || steps > 1_000_000) {
        throw new AssertionError("it is never done");
      }
    }
    return future.join();
  }
}
