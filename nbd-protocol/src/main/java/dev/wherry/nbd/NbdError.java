package dev.wherry.nbd;

/**
 * The error values of the NBD protocol ("Error values"). They are those of Linux's errno, whatever
 * the host's own numbers are.
 */
public enum NbdError {
  /** Operation not permitted: the export is read-only, or the request was fenced. */
  EPERM(1),
  /** The data cannot be had. */
  EIO(5),
  /** Out of memory. */
  ENOMEM(12),
  /** Malformed, or past the end on a read. */
  EINVAL(22),
  /** No space, or past the end on a write. */
  ENOSPC(28),
  /** A value does not fit, for example a reply that would be longer than the client can take. */
  EOVERFLOW(75),
  /** Not supported, for example a fast zero that would be slow. */
  ENOTSUP(95),
  /** The server is going down. Sent in negotiation only: a guest must not see it. */
  ESHUTDOWN(108);

  private final int code;

  NbdError(int code) {
    this.code = code;
  }

  /** The value on the wire. */
  public int code() {
    return code;
  }

  /**
   * The error of a value from the wire; what is unknown is {@link #EINVAL}, as the protocol asks.
   */
  public static NbdError of(int code) {
    for (NbdError e : values()) {
      if (e.code == code) {
        return e;
      }
    }
    return EINVAL;
  }
}
