package dev.wherry.nbd;

import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * A request that failed, with the error that the peer is told. Carries no stack trace: it is cheap.
 */
public final class NbdException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final NbdError error;

  public NbdException(NbdError error, String message) {
    this(error, message, null);
  }

  public NbdException(NbdError error, String message, @Nullable Throwable cause) {
    super(message, cause, false, false);
    this.error = error;
  }

  /** What the peer is told. */
  public NbdError error() {
    return error;
  }

  /** The NBD error of any failure: an {@link NbdException}'s own, else {@link NbdError#EIO}. */
  public static NbdError errorOf(Throwable failure) {
    Throwable t = failure;
    while (t instanceof CompletionException && t.getCause() != null) {
      t = t.getCause();
    }
    return t instanceof NbdException e ? e.error : NbdError.EIO;
  }
}
