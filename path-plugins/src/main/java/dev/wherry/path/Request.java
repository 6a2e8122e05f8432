package dev.wherry.path;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One request to a volume, to be made of whichever handler is there when its time comes.
 *
 * @param pastEnd what a request past the end fails with
 * @param durable whether success means that something is durable: a flush, or FUA
 * @param call makes the request
 */
record Request<T>(long offset, long length, NbdError pastEnd, boolean durable, Call<T> call) {

  @FunctionalInterface
  interface Call<T> {
    CompletableFuture<T> on(PathHandler handler);
  }

  CompletableFuture<T> on(PathHandler handler) {
    try {
      return call.on(handler);
    } catch (RuntimeException | Error e) {
      // A handler should not throw; one that does costs this request and not the count of those
      // in flight.
      return CompletableFuture.failedFuture(e);
    }
  }

  /** What is wrong with the request now that the volume has {@code size} bytes, or null. */
  @Nullable NbdException misfit(long size) {
    return offset + length <= size
        ? null
        : new NbdException(
            pastEnd, "offset " + offset + " length " + length + " ends past the new size " + size);
  }

  /**
   * Whether this failure leaves in doubt what is on the medium: EIO where success would have meant
   * durable, and ENOSPC or ENOMEM of a flush. The same of a write means that it was not done; and a
   * failure to reach who should have done it says nothing of the medium.
   */
  boolean isFatal(Throwable failure) {
    if (!durable || (Futures.causeOf(failure) instanceof NbdException e && e.isHarmless())) {
      return false;
    }
    return switch (NbdException.errorOf(failure)) {
      case EIO -> true;
      case ENOSPC, ENOMEM -> length == 0;
      default -> false;
    };
  }
}
