package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.LinkReply.Status;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Failures as futures carry them. */
final class Failures {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  private Failures() {}

  /** The failure itself, whatever futures put around it. */
  static Throwable causeOf(Throwable failure) {
    Throwable t = failure;
    while (t instanceof CompletionException && t.getCause() != null) {
      t = t.getCause();
    }
    return t;
  }

  /** For throwing out of a step of a future. */
  static CompletionException of(Throwable failure) {
    return new CompletionException(causeOf(failure));
  }

  /** Whether it is for want of room, in the words of a request or of a command. */
  static boolean isNoRoom(Throwable failure) {
    return causeOf(failure) instanceof ShareException e
        ? e.status() == Status.NO_SPACE
        : NbdException.errorOf(failure) == NbdError.ENOSPC;
  }

  static NbdException nbd(Throwable failure) {
    Throwable cause = causeOf(failure);
    return cause instanceof NbdException e
        ? e
        : new NbdException(NbdError.EIO, String.valueOf(cause.getMessage()), cause);
  }

  /** Another node could not be asked: what it has is as safe as it was. */
  static NbdException unreached(@Nullable Throwable failure) {
    return NbdException.harmless(
        NbdError.EIO,
        failure == null ? "no answer" : String.valueOf(causeOf(failure).getMessage()));
  }

  /** For what goes on without: ends a step that nobody waits for. */
  static @Nullable Void logged(Throwable failure) {
    LOG.warn("{}", String.valueOf(causeOf(failure).getMessage()));
    return null;
  }

  /** Hands an outcome on. */
  static <T> void pass(@Nullable T value, @Nullable Throwable failure, CompletableFuture<T> to) {
    if (failure == null) {
      to.complete(value);
    } else {
      to.completeExceptionally(causeOf(failure));
    }
  }
}
