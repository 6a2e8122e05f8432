package dev.wherry.nbd.client;

import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;

/** One long request as a row of shorter ones, each sent when the one before is answered. */
final class Steps {
  private final BiFunction<Long, Long, CompletableFuture<?>> one;
  private final CompletableFuture<Void> result = new CompletableFuture<>();
  private final long end;
  private final long step;
  private long at;

  private Steps(
      long offset, long length, long step, BiFunction<Long, Long, CompletableFuture<?>> one) {
    this.one = one;
    this.at = offset;
    this.end = offset + length;
    this.step = step;
  }

  /**
   * Runs {@code one(offset, length)} for each step, stopping at the first failure.
   *
   * @param step the longest length, more than 0
   */
  static CompletableFuture<Void> run(
      long offset, long length, long step, BiFunction<Long, Long, CompletableFuture<?>> one) {
    Steps steps = new Steps(offset, length, step, one);
    steps.next();
    return steps.result;
  }

  private void next() {
    if (at >= end) {
      result.complete(null);
      return;
    }
    long from = at;
    long count = Math.min(step, end - from);
    at += count;
    one.apply(from, count)
        .whenComplete(
            (v, e) -> {
              if (e == null) {
                next();
              } else {
                result.completeExceptionally(e);
              }
            });
  }
}
