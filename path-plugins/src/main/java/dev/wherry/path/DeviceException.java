package dev.wherry.path;

/** A device that cannot be opened. The message is for the operator. */
public final class DeviceException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** Why, so that a front end can answer fittingly. */
  public enum Reason {
    /** There is no such file, device or export. */
    MISSING,
    /** Somebody else has it open. */
    IN_USE,
    /** There is not enough room for it. */
    NO_SPACE,
    /** It is not of a kind that can be a device, or access is denied. */
    UNSUITABLE,
    /** A server could not be reached, or a device failed. */
    UNAVAILABLE
  }

  private final Reason reason;

  public DeviceException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  public DeviceException(Reason reason, String message, Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  public Reason reason() {
    return reason;
  }
}
