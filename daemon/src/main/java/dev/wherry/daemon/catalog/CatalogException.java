package dev.wherry.daemon.catalog;

/** The catalog cannot be opened, read or written. The message is for the operator. */
public final class CatalogException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public CatalogException(String message) {
    super(message);
  }

  public CatalogException(String message, Throwable cause) {
    super(message, cause);
  }
}
