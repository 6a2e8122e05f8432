package dev.wherry.daemon.catalog;

/** The catalog cannot be opened, read or written. The message is for the operator. */
public final class CatalogException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final boolean noSpace;

  public CatalogException(String message) {
    super(message);
    this.noSpace = false;
  }

  public CatalogException(String message, Throwable cause) {
    this(message, cause, false);
  }

  /**
   * @param noSpace whether the disk is full: nothing was changed, and it may go on later
   */
  public CatalogException(String message, Throwable cause, boolean noSpace) {
    super(message, cause);
    this.noSpace = noSpace;
  }

  /** Whether it is for want of room on the disk. */
  public boolean noSpace() {
    return noSpace;
  }
}
