package dev.wherry.path;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Answers that devices give often. */
public final class Answers {
  private Answers() {}

  public static CompletableFuture<Void> done() {
    return CompletableFuture.completedFuture(null);
  }

  public static <T> CompletableFuture<T> failed(NbdError error, String message) {
    return CompletableFuture.failedFuture(new NbdException(error, message));
  }

  /** What {@link dev.wherry.nbd.Export#status} answers for a context that the device has not. */
  public static CompletableFuture<List<Extent>> unknownContext(String context) {
    return failed(NbdError.EINVAL, "metadata context '" + context + "' is unknown here");
  }

  /**
   * Joins the outcomes of requests that went to several devices.
   *
   * @return done when all are; of several failures it fails with EIO if that is among them, so that
   *     a loss is not taken for something harmless, else with the first in the list
   */
  public static CompletableFuture<Void> join(List<? extends CompletableFuture<?>> parts) {
    return CompletableFuture.allOf(parts.toArray(CompletableFuture<?>[]::new))
        .handle(
            (v, t) -> {
              if (t != null) {
                throw worst(parts);
              }
              return null;
            });
  }

  private static CompletionException worst(List<? extends CompletableFuture<?>> parts) {
    Throwable first = null;
    for (CompletableFuture<?> part : parts) {
      if (!part.isCompletedExceptionally()) {
        continue;
      }
      Throwable cause = Futures.causeOf(failureOf(part));
      if (NbdException.errorOf(cause) == NbdError.EIO) {
        return new CompletionException(cause);
      }
      if (first == null) {
        first = cause;
      }
    }
    return new CompletionException(first);
  }

  private static Throwable failureOf(CompletableFuture<?> failed) {
    try {
      Object value = failed.getNow(null);
      throw new IllegalStateException("succeeded with " + value);
    } catch (CompletionException | java.util.concurrent.CancellationException e) {
      return e;
    }
  }
}
