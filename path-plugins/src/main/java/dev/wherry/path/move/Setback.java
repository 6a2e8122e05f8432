package dev.wherry.path.move;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * What keeps the move from going on, and when it tries again: every three seconds where there is no
 * room, after 200 ms, 400 ms and so on up to 5 s for all else. One thread writes, any reads.
 */
final class Setback {
  private static final long NO_ROOM_NANOS = 3_000_000_000L;
  private static final long FIRST_NANOS = 200_000_000;
  private static final long MOST_NANOS = 5_000_000_000L;

  /** What operators see of it. */
  record Shown(String state, String reason) {}

  private volatile @Nullable Shown shown;
  private Errand.@Nullable Kind kind;
  private long retryAt;
  private long backoff = FIRST_NANOS;

  @Nullable Shown shown() {
    return shown;
  }

  boolean present() {
    return shown != null;
  }

  /** When the next try is due. */
  long retryAt() {
    return retryAt;
  }

  /** There is reason to believe that it would work now. */
  void tryNow(long now) {
    retryAt = now;
  }

  void failed(Errand.Kind what, Throwable failure, long now) {
    kind = what;
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    String message = cause.getMessage();
    String reason = message == null ? cause.getClass().getSimpleName() : message;
    if (NbdException.errorOf(cause) == NbdError.ENOSPC) {
      shown = new Shown("paused", "no room here: " + reason);
      retryAt = now + NO_ROOM_NANOS;
    } else {
      shown = new Shown("stalled", reason);
      retryAt = now + backoff;
      backoff = Math.min(2 * backoff, MOST_NANOS);
    }
  }

  /** Something worked; if it is what had failed, that is over. */
  void worked(Errand.Kind what) {
    if (kind == what) {
      clear();
    }
  }

  void clear() {
    shown = null;
    kind = null;
    backoff = FIRST_NANOS;
  }
}
