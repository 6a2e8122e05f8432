package dev.wherry.path.shared;

import java.util.concurrent.CompletableFuture;

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

  /** Done at a moment when nothing is under way. */
  synchronized CompletableFuture<Void> drained() {
    return idle;
  }
}
