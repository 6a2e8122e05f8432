package dev.wherry.nbd.server;

/** Why an export is not opened, and how NBD says so. */
public final class RefusedException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** The replies to an option that asks for an export ("Option reply types"). */
  public enum Reason {
    /** NBD_REP_ERR_UNKNOWN: there is no such export. */
    UNKNOWN,
    /** NBD_REP_ERR_POLICY: this client may not have it. */
    POLICY,
    /** NBD_REP_ERR_SHUTDOWN: the server is going down, or the export is. */
    SHUTDOWN
  }

  private final Reason reason;

  public RefusedException(Reason reason, String message) {
    super(message, null, false, false);
    this.reason = reason;
  }

  public Reason reason() {
    return reason;
  }
}
