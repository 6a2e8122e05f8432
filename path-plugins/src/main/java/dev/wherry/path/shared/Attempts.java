package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import io.netty.util.ReferenceCountUtil;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes a host's request of whoever serves the volume; again if that is another one by then, until
 * the host's time is over. A request may be made several times, but has been done at most once when
 * it succeeds.
 *
 * <p>Safe on any thread; never blocks. The first attempt is made by the caller, others by the
 * timer.
 */
final class Attempts {
  /** How soon a request is tried again whose owner is not known yet. */
  private static final long RETRY_MILLIS = 20;

  private final Core core;

  Attempts(Core core) {
    this.core = core;
  }

  /**
   * Makes a request.
   *
   * @param request fails with {@link TryAgain} if nothing was done and somebody else is to be asked
   * @return fails as the request does, with EIO if no node was found to own the volume
   */
  <T> CompletableFuture<T> of(Supplier<CompletableFuture<T>> request) {
    CompletableFuture<T> first = request.get();
    if (first.isDone() && !first.isCompletedExceptionally()) {
      return first;
    }
    CompletableFuture<T> result = new CompletableFuture<>();
    long end = core.now() + core.ioTimeout().toNanos();
    first.whenComplete((v, failure) -> settle(request, end, v, failure, result));
    return result;
  }

  private <T> void settle(
      Supplier<CompletableFuture<T>> request,
      long end,
      @Nullable T value,
      @Nullable Throwable failure,
      CompletableFuture<T> result) {
    if (failure == null) {
      if (!result.complete(value)) {
        ReferenceCountUtil.release(value);
      }
      return;
    }
    TryAgain again = TryAgain.of(failure);
    CompletableFuture<Void> outcome = again == null ? null : again.outcome();
    if (outcome != null) {
      // Only changes are in doubt, and those have no other value than null.
      outcome.whenComplete((v, t) -> settle(request, end, null, t, result));
    } else if (again != null) {
      if (core.now() - end >= 0 || core.isClosing()) {
        result.completeExceptionally(
            NbdException.harmless(NbdError.EIO, "no node was found to own volume " + core.suid()));
        return;
      }
      core.parts()
          .timer()
          .schedule(
              () -> request.get().whenComplete((v, t) -> settle(request, end, v, t, result)),
              again.now() ? 0 : RETRY_MILLIS,
              TimeUnit.MILLISECONDS);
    } else {
      result.completeExceptionally(Failures.causeOf(failure));
    }
  }
}
