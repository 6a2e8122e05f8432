package dev.wherry.path.shared;

import dev.wherry.path.link.LinkReply.Status;
import java.io.Serial;

/** Something that operators asked for was refused; nothing has changed. */
public final class ShareException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  private final Status status;

  /**
   * @param status what kind of refusal it is
   */
  public ShareException(Status status, String message) {
    super(message, null, false, false);
    this.status = status;
  }

  public Status status() {
    return status;
  }
}
