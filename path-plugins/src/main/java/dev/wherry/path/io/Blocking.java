package dev.wherry.path.io;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/** Runs what blocks on a pool. */
public final class Blocking {
  private final Executor workers;

  /**
   * @param workers a pool on which tasks may block
   */
  public Blocking(Executor workers) {
    this.workers = workers;
  }

  /** Something that blocks and may fail. */
  @FunctionalInterface
  public interface Task<T> {
    T run() throws Exception;
  }

  /**
   * Runs a task on the pool; never throws. The future completes on the pool, or fails at once where
   * the pool takes no more.
   */
  public <T> CompletableFuture<T> call(Task<T> task) {
    CompletableFuture<T> result = new CompletableFuture<>();
    try {
      workers.execute(
          () -> {
            T value;
            try {
              value = task.run();
            } catch (Throwable failure) {
              result.completeExceptionally(failure);
              return;
            }
            result.complete(value);
          });
    } catch (RuntimeException rejected) {
      result.completeExceptionally(rejected);
    }
    return result;
  }
}
