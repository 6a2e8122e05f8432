package dev.wherry.path.map;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** Runs tasks on an executor, one at a time, in their order. Safe on any thread. */
final class Turns {
  private final Executor executor;
  private final Queue<Runnable> waiting = new ArrayDeque<>();
  private boolean running;

  Turns(Executor executor) {
    this.executor = executor;
  }

  /**
   * Runs it soon.
   *
   * @param task does not throw
   */
  void run(Runnable task) {
    synchronized (this) {
      waiting.add(task);
      if (running) {
        return;
      }
      running = true;
    }
    executor.execute(this::turn);
  }

  private void turn() {
    Runnable task = poll();
    while (task != null) {
      task.run();
      task = poll();
    }
  }

  private synchronized @Nullable Runnable poll() {
    Runnable task = waiting.poll();
    running = task != null;
    return task;
  }
}
