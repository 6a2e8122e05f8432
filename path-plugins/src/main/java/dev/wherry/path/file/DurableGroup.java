package dev.wherry.path.file;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes durable writes on one descriptor answer for each other. Linux reports a write-back error
 * once per open file: of two durable writes that overlap, one gets it and the other says success
 * although its data may be what was lost. So a success counts once all calls that ran beside it
 * have ended, and if none of them failed for good. (Flushes have descriptors of their own.) Safe on
 * any thread.
 */
final class DurableGroup {
  private final Supplier<? extends @Nullable Throwable> broken;
  private final Map<Long, CompletableFuture<?>> running = new HashMap<>();
  private long calls;

  /**
   * @param broken what failed for good, or null. A call that fails so has set it before its future
   *     completes
   */
  DurableGroup(Supplier<? extends @Nullable Throwable> broken) {
    this.broken = broken;
  }

  <T> CompletableFuture<T> run(Supplier<CompletableFuture<T>> call) {
    CompletableFuture<Object> mark = new CompletableFuture<>();
    long id;
    synchronized (running) {
      id = calls++;
      running.put(id, mark);
    }
    CompletableFuture<T> done;
    try {
      done = call.get();
    } catch (RuntimeException e) {
      done = CompletableFuture.failedFuture(e);
    }
    return done.handle(
            (value, failure) -> {
              CompletableFuture<?>[] beside;
              synchronized (running) {
                running.remove(id);
                beside = running.values().toArray(new CompletableFuture<?>[0]);
              }
              mark.complete(null);
              return failure != null
                  ? CompletableFuture.<T>failedFuture(failure)
                  : CompletableFuture.allOf(beside).thenCompose(all -> unlessBroken(value));
            })
        .thenCompose(Function.identity());
  }

  private <T> CompletableFuture<T> unlessBroken(T value) {
    Throwable failure = broken.get();
    return failure == null
        ? CompletableFuture.completedFuture(value)
        : CompletableFuture.failedFuture(failure);
  }
}
