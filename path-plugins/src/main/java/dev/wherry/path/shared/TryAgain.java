package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.io.Serial;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A request was not done because the volume's owner is another one by now. It goes to whoever
 * serves the volume next; nobody outside this package sees it.
 *
 * <p>Or it may have been done: then whoever was asked is waited for, though no longer by what holds
 * hosts' requests, and what comes of that decides. Were it made again at once, it might be done
 * twice, the second time over what others have written since.
 */
final class TryAgain extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  /**
   * @param now whether it can go at once: this node knows the new owner
   */
  private TryAgain(boolean now, @Nullable CompletableFuture<Void> outcome) {
    super("the owner has changed", null, false, false);
    this.now = now;
    this.outcome = outcome;
  }

  private final boolean now;
  private final transient @Nullable CompletableFuture<Void> outcome;

  /** As a request fails with it: nothing is in doubt. */
  static NbdException failure(boolean now) {
    return failure(new TryAgain(now, null));
  }

  private static NbdException failure(TryAgain again) {
    return NbdException.harmless(NbdError.EIO, String.valueOf(again.getMessage()), again);
  }

  /**
   * As a change fails with it that may have been done.
   *
   * @param outcome what becomes of it; fails as {@link #failure(boolean)} once it is certain that
   *     it was not done
   */
  static NbdException inDoubt(CompletableFuture<Void> outcome) {
    return failure(new TryAgain(false, outcome));
  }

  /** What {@link #failure} made, or null for any other failure. */
  static @Nullable TryAgain of(Throwable failure) {
    Throwable cause = Failures.causeOf(failure);
    return cause instanceof NbdException e && e.getCause() instanceof TryAgain again ? again : null;
  }

  boolean now() {
    return now;
  }

  /** What decides whether the request is made again, or null: it is. */
  @Nullable CompletableFuture<Void> outcome() {
    return outcome;
  }
}
