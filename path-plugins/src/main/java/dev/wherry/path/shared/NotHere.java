package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.io.Serial;
import org.jspecify.annotations.Nullable;

/** The failures of reads of data that the owner has not got: it may not fetch it, or cannot. */
final class NotHere {
  /** What tells {@link #nowhere} from other failures of a fetch. */
  private static final class Nowhere extends RuntimeException {
    @Serial private static final long serialVersionUID = 1;

    Nowhere() {
      super(null, null, false, false);
    }
  }

  private static final String MESSAGE = "the data is not on this node, but at ";

  private NotHere() {}

  /**
   * The failure itself.
   *
   * @param source where it is, or null where it is nowhere
   */
  static NbdException at(@Nullable Source source) {
    return NbdException.harmless(
        NbdError.EIO, MESSAGE + (source == null ? "none" : source.describe()));
  }

  /** Whether a failure says that a node's own store has the data: a host there may read that. */
  static boolean says(Throwable failure, String node) {
    return String.valueOf(failure.getMessage()).endsWith(MESSAGE + NodeSource.name(node));
  }

  /** The failure of a fetch of data that no node has; waiting does not change that. */
  static NbdException nowhere(long offset, long length, String suid) {
    return new NbdException(
        NbdError.EIO,
        "no node has offset " + offset + " length " + length + " of " + suid,
        new Nowhere());
  }

  /** Whether a failure is {@link #nowhere}. */
  static boolean isNowhere(Throwable failure) {
    return Failures.causeOf(failure).getCause() instanceof Nowhere;
  }
}
