package dev.wherry.path.shared;

import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** Counts what is under way besides hosts' requests, so that its end can be waited for. */
final class InFlight {
  private long count;
  private CompletableFuture<Void> idle = CompletableFuture.completedFuture(null);

  synchronized void enter() {
    if (count++ == 0) {
      idle = new CompletableFuture<>();
    }
  }

  void leave() {
    CompletableFuture<Void> done;
    synchronized (this) {
      if (--count > 0) {
        return;
      }
      done = idle;
    }
    done.complete(null);
  }

  /** Counts a request while it is under way. */
  <T> CompletableFuture<T> counted(Supplier<CompletableFuture<T>> request) {
    enter();
    try {
      return request.get().whenComplete((v, failure) -> leave());
    } catch (RuntimeException e) {
      leave();
      throw e;
    }
  }

  /** Done at a moment when nothing is under way. */
  synchronized CompletableFuture<Void> drained() {
    return idle;
  }
}
