package dev.wherry.nbd.client;

import org.jspecify.annotations.Nullable;

/** A connection that did not come to be. The message is for the operator and names the server. */
public final class NbdConnectException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** Why. */
  public enum Reason {
    /** Nobody answers there, or not in time. */
    UNREACHABLE,
    /** The server has no such export. */
    UNKNOWN_EXPORT,
    /** The server does not want us: TLS, certificates, its policy. */
    REFUSED,
    /** What answers is not an NBD server that we can speak to. */
    PROTOCOL
  }

  private final Reason reason;

  public NbdConnectException(Reason reason, String message) {
    this(reason, message, null);
  }

  public NbdConnectException(Reason reason, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  public Reason reason() {
    return reason;
  }
}
