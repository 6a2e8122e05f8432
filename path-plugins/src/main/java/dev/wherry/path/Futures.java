package dev.wherry.path;

import io.netty.util.ReferenceCountUtil;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/** Hands outcomes on from one future to another. */
final class Futures {
  private Futures() {}

  /**
   * Completes {@code to} with a value or, where there is a failure, with its cause. A buffer that
   * nobody waits for any more, since the future was cancelled, is released.
   */
  static <T> void pass(@Nullable T value, @Nullable Throwable failure, CompletableFuture<T> to) {
    if (failure != null) {
      to.completeExceptionally(causeOf(failure));
    } else if (!to.complete(value)) {
      ReferenceCountUtil.release(value);
    }
  }

  /** The failure without the wrappers that futures put around it. */
  static Throwable causeOf(Throwable failure) {
    Throwable t = failure;
    while (t instanceof CompletionException && t.getCause() != null) {
      t = t.getCause();
    }
    return t;
  }
}
