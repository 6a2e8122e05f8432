package dev.wherry.path.file;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * Runs flushes side by side, up to a number, and joins those beyond. A flush must begin after the
 * writes that it is to cover, so it never joins one that runs: it starts its own, or waits with
 * others for the next that can, which then serves them all.
 *
 * <p>Side by side because they overlap well: while one waits for the disk to empty its cache, the
 * next writes its pages. With 4 KiB random writes at QD32 and frequent flushes (ext4, 2 cores, busy
 * machine) that about doubled the writes in proportion to nbdkit's.
 *
 * <p>Safe on any thread.
 *
 * @param <S> what a flush runs on, and no two at once
 */
final class FlushQueue<S> {
  private final Function<S, CompletableFuture<Void>> sync;
  private final Deque<S> free;
  private List<CompletableFuture<Void>> waiting = new ArrayList<>();

  /**
   * @param slots as many as may run at once
   * @param sync makes everything durable that was written before the call
   */
  FlushQueue(List<S> slots, Function<S, CompletableFuture<Void>> sync) {
    this.free = new ArrayDeque<>(slots);
    this.sync = sync;
  }

  CompletableFuture<Void> flush() {
    CompletableFuture<Void> flush = new CompletableFuture<>();
    S slot;
    synchronized (this) {
      slot = free.poll();
      if (slot == null) {
        waiting.add(flush);
        return flush;
      }
    }
    run(slot, List.of(flush));
    return flush;
  }

  private void run(S slot, List<CompletableFuture<Void>> served) {
    sync.apply(slot)
        .whenComplete(
            (done, failure) -> {
              // The next one starts first: what completes here may take long or flush again.
              release(slot);
              for (CompletableFuture<Void> flush : served) {
                if (failure == null) {
                  flush.complete(null);
                } else {
                  flush.completeExceptionally(failure);
                }
              }
            });
  }

  private void release(S slot) {
    List<CompletableFuture<Void>> next;
    synchronized (this) {
      if (waiting.isEmpty()) {
        free.push(slot);
        return;
      }
      next = waiting;
      waiting = new ArrayList<>();
    }
    run(slot, next);
  }
}
