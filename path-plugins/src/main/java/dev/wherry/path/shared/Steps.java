package dev.wherry.path.shared;

import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** A loop of things that take their time. */
final class Steps {
  private Steps() {}

  /**
   * Takes step after step until one says that it was the last, or fails. As deep as one step,
   * however many there are.
   *
   * @param step true: there may be more
   */
  static CompletableFuture<Void> repeat(Supplier<CompletableFuture<Boolean>> step) {
    CompletableFuture<Void> end = new CompletableFuture<>();
    go(step, end);
    return end;
  }

  private static void go(Supplier<CompletableFuture<Boolean>> step, CompletableFuture<Void> end) {
    for (; ; ) {
      CompletableFuture<Boolean> one;
      try {
        one = step.get();
      } catch (RuntimeException e) {
        end.completeExceptionally(e);
        return;
      }
      if (!one.isDone() || one.isCompletedExceptionally()) {
        one.whenComplete(
            (more, failure) -> {
              if (failure != null) {
                end.completeExceptionally(Failures.causeOf(failure));
              } else if (more) {
                go(step, end);
              } else {
                end.complete(null);
              }
            });
        return;
      }
      if (!one.join()) {
        end.complete(null);
        return;
      }
    }
  }
}
