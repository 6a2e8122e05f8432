package dev.wherry.nbd;

import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * A request that failed, with the error that the peer is told. Carries no stack trace: it is cheap.
 */
public final class NbdException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final NbdError error;
  private final boolean harmless;

  public NbdException(NbdError error, String message) {
    this(error, message, null);
  }

  public NbdException(NbdError error, String message, @Nullable Throwable cause) {
    this(error, message, cause, false);
  }

  private NbdException(
      NbdError error, String message, @Nullable Throwable cause, boolean harmless) {
    super(message, cause, false, false);
    this.error = error;
    this.harmless = harmless;
  }

  /**
   * A failure that leaves nothing in doubt of what succeeded before: whoever should have done the
   * request could not be reached, and it may be asked again.
   */
  public static NbdException harmless(NbdError error, String message) {
    return harmless(error, message, null);
  }

  /** As {@link #harmless(NbdError, String)}, because of something else. */
  public static NbdException harmless(NbdError error, String message, @Nullable Throwable cause) {
    return new NbdException(error, message, cause, true);
  }

  /** Whether what succeeded before is as safe as it was, also if this was a flush. */
  public boolean isHarmless() {
    return harmless;
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
