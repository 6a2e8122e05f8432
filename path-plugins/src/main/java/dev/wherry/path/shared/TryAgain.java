package dev.wherry.path.shared;

import java.io.Serial;

/**
 * A request was not done because the volume's owner is another one by now. It goes to whoever
 * serves the volume next; nobody outside this package sees it.
 */
final class TryAgain extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  /**
   * @param now whether it can go at once: this node knows the new owner
   */
  TryAgain(boolean now) {
    super("the owner has changed", null, false, false);
    this.now = now;
  }

  private final boolean now;

  boolean now() {
    return now;
  }
}
