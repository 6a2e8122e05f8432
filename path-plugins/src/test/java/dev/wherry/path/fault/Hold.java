package dev.wherry.path.fault;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Requests that are kept back until the test lets them go, oldest first. One that is never let go
 * hangs. Safe on any thread; a request that is let go starts on the caller's.
 */
public final class Hold {
  private record Kept<T>(Supplier<CompletableFuture<T>> call, CompletableFuture<T> result) {
    void go() {
      call.get()
          .whenComplete(
              (v, t) -> {
                if (t == null) {
                  result.complete(v);
                } else {
                  result.completeExceptionally(t);
                }
              });
    }
  }

  private final Queue<Kept<?>> kept = new ArrayDeque<>();

  <T> CompletableFuture<T> keep(Supplier<CompletableFuture<T>> call) {
    Kept<T> request = new Kept<>(call, new CompletableFuture<>());
    synchronized (kept) {
      kept.add(request);
    }
    return request.result;
  }

  /** How many requests are kept. */
  public int kept() {
    synchronized (kept) {
      return kept.size();
    }
  }

  /** Lets the oldest go; there must be one. */
  public void letOneGo() {
    oldest().go();
  }

  /** Fails the oldest; there must be one. */
  public void failOne(Throwable cause) {
    oldest().result.completeExceptionally(cause);
  }

  /** Lets all go that are kept now. */
  public void letAllGo() {
    for (int n = kept(); n > 0; n--) {
      letOneGo();
    }
  }

  private Kept<?> oldest() {
    synchronized (kept) {
      return kept.remove();
    }
  }
}
