package dev.wherry.daemon.volume;

/** Why a request about volumes is not done. Nothing was changed. The message is for operators. */
public final class Refusal extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** What is wrong; each is one HTTP status. */
  public enum Kind {
    /** It cannot be understood. */
    MALFORMED(400, "Malformed request"),
    /** There is nothing of that name. */
    UNKNOWN(404, "Unknown"),
    /** Not in the present state. */
    CONFLICT(409, "Conflict"),
    /** Understood, and impossible. */
    IMPOSSIBLE(422, "Impossible"),
    /** No room. */
    NO_SPACE(507, "No space"),
    /** The daemon is going down, or failed. */
    UNAVAILABLE(503, "Unavailable");

    private final int status;
    private final String title;

    Kind(int status, String title) {
      this.status = status;
      this.title = title;
    }

    public int status() {
      return status;
    }

    public String title() {
      return title;
    }
  }

  private final Kind kind;

  public Refusal(Kind kind, String message) {
    super(message, null, false, false);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }

  /** What a failure says, in words for operators. */
  static String reason(Throwable failure) {
    String message = failure.getMessage();
    return message == null ? failure.toString() : message;
  }

  public static Refusal malformed(String message) {
    return new Refusal(Kind.MALFORMED, message);
  }

  public static Refusal unknown(String suid) {
    return new Refusal(Kind.UNKNOWN, "volume " + suid + " does not exist");
  }

  public static Refusal conflict(String message) {
    return new Refusal(Kind.CONFLICT, message);
  }

  public static Refusal impossible(String message) {
    return new Refusal(Kind.IMPOSSIBLE, message);
  }
}
