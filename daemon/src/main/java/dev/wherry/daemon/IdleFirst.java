package dev.wherry.daemon;

import java.io.Serial;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;

/**
 * The queue of a pool whose idle threads are used before new ones are made. It takes a task from
 * the pool only if a thread waits for one; the pool makes a thread otherwise, and when it has as
 * many as it may, it {@linkplain #enqueue enqueues} the task as its handler of rejected ones.
 * Thread-safe.
 */
final class IdleFirst extends LinkedTransferQueue<Runnable> {
  @Serial private static final long serialVersionUID = 1;

  @Override
  public boolean offer(Runnable task) {
    return tryTransfer(task);
  }

  /**
   * Has a task wait for one of the pool's threads, all of which are busy.
   *
   * @throws RejectedExecutionException if the pool is shut down
   */
  void enqueue(Runnable task, ThreadPoolExecutor pool) {
    if (pool.isShutdown()) {
      throw new RejectedExecutionException("the pool is shut down");
    }
    super.offer(task);
    if (pool.isShutdown() && remove(task)) {
      throw new RejectedExecutionException("the pool was shut down");
    }
    if (pool.getPoolSize() == 0 && remove(task)) {
      pool.execute(task); // All threads have ended since they were found busy.
    }
  }
}
