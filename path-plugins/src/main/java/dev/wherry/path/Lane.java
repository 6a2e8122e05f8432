package dev.wherry.path;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * One volume's part of the worker pool: never more than so many of its tasks run at once, so that a
 * device that hangs takes no more than that many threads from the others. Tasks start in the order
 * in which they came. Safe on any thread.
 */
final class Lane implements Executor {
  private final Executor pool;
  private final int width;
  private final Queue<Runnable> waiting = new ArrayDeque<>();
  private int running;

  /**
   * @param width tasks at once, 1 or more
   */
  Lane(Executor pool, int width) {
    this.pool = pool;
    this.width = width;
  }

  /** The pool itself, so that lanes are not put into lanes. */
  Executor pool() {
    return pool;
  }

  @Override
  public void execute(Runnable task) {
    synchronized (this) {
      if (running == width) {
        waiting.add(task);
        return;
      }
      running++;
    }
    try {
      pool.execute(() -> run(task));
    } catch (RejectedExecutionException e) {
      synchronized (this) {
        running--;
      }
      throw e;
    }
  }

  private void run(Runnable first) {
    for (Runnable task = first; task != null; task = next()) {
      try {
        task.run();
      } catch (RuntimeException e) {
        Thread thread = Thread.currentThread();
        thread.getUncaughtExceptionHandler().uncaughtException(thread, e);
      }
    }
  }

  private synchronized @Nullable Runnable next() {
    Runnable task = waiting.poll();
    if (task == null) {
      running--;
    }
    return task;
  }
}
