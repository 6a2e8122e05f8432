package dev.wherry.path;

/**
 * What a volume does with requests.
 *
 * <pre>
 *            suspend            fail
 *   ONLINE ----------> SUSPENDED ----> FAILED
 *     ^  ^ &lt;---------- resume            |
 *     |  +---------- reopen &lt;------------+      (ONLINE may fail, too)
 *                                            anything ---- close ----> CLOSED
 * </pre>
 */
public enum VolumeState {
  /** Requests go to the handler. */
  ONLINE,
  /** Requests are held. */
  SUSPENDED,
  /** Every request fails with EIO, until the volume is reopened. */
  FAILED,
  /** Every request fails with EIO, for ever. */
  CLOSED;

  /** Whether the volume may go from this state to {@code next}. */
  public boolean permits(VolumeState next) {
    return switch (this) {
      case ONLINE -> next == SUSPENDED || next == FAILED || next == CLOSED;
      case SUSPENDED -> next == ONLINE || next == FAILED || next == CLOSED;
      case FAILED -> next == ONLINE || next == CLOSED;
      case CLOSED -> false;
    };
  }

  /** The word that operators see. */
  public String label() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
