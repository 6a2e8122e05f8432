package dev.wherry.path.link;

import java.io.Serial;

/**
 * A request got no answer: the node cannot be reached, refuses us, or this side is closing. It may
 * or may not have been executed, unless {@link #unsent} says that it never left.
 */
public final class LinkException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  private final boolean unsent;

  /**
   * @param unsent it certainly was not executed and never will be
   */
  public LinkException(String message, boolean unsent) {
    super(message, null, false, false);
    this.unsent = unsent;
  }

  public boolean unsent() {
    return unsent;
  }
}
