package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.io.Serial;
import org.jspecify.annotations.Nullable;

/**
 * A request was not done because the volume's owner is another one by now. It goes to whoever
 * serves the volume next; nobody outside this package sees it.
 */
final class TryAgain extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  /**
   * @param now whether it can go at once: this node knows the new owner
   */
  private TryAgain(boolean now) {
    super("the owner has changed", null, false, false);
    this.now = now;
  }

  private final boolean now;

  /** As a request fails with it: nothing is in doubt. */
  static NbdException failure(boolean now) {
    TryAgain again = new TryAgain(now);
    return NbdException.harmless(NbdError.EIO, String.valueOf(again.getMessage()), again);
  }

  /** What {@link #failure} made, or null for any other failure. */
  static @Nullable TryAgain of(Throwable failure) {
    Throwable cause = Failures.causeOf(failure);
    return cause instanceof NbdException e && e.getCause() instanceof TryAgain again ? again : null;
  }

  boolean now() {
    return now;
  }
}
