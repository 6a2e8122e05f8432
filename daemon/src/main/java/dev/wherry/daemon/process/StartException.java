package dev.wherry.daemon.process;

/** Why the daemon cannot start although its configuration is sound. One line, for the operator. */
public final class StartException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public StartException(String message) {
    super(message);
  }

  public StartException(String message, Throwable cause) {
    super(message, cause);
  }
}
