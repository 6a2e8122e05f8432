package dev.wherry.path.file;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Joins flushes. While one runs, those that arrive wait for the next, which then serves them all:
 * the running one may have begun before the writes that they are to cover. Any thread.
 */
final class FlushQueue {
  private final Supplier<CompletableFuture<Void>> sync;
  private List<CompletableFuture<Void>> waiting = new ArrayList<>();
  private boolean running;

  /**
   * @param sync makes everything durable that was written before the call
   */
  FlushQueue(Supplier<CompletableFuture<Void>> sync) {
    this.sync = sync;
  }

  CompletableFuture<Void> flush() {
    CompletableFuture<Void> flush = new CompletableFuture<>();
    synchronized (this) {
      waiting.add(flush);
      if (running) {
        return flush;
      }
      running = true;
    }
    runNext();
    return flush;
  }

  private void runNext() {
    List<CompletableFuture<Void>> served;
    synchronized (this) {
      if (waiting.isEmpty()) {
        running = false;
        return;
      }
      served = waiting;
      waiting = new ArrayList<>();
    }
    sync.get()
        .whenComplete(
            (done, failure) -> {
              // The next one starts first: what completes here may take long or flush again.
              runNext();
              for (CompletableFuture<Void> flush : served) {
                if (failure == null) {
                  flush.complete(null);
                } else {
                  flush.completeExceptionally(failure);
                }
              }
            });
  }
}
