package dev.wherry.path.move;

/**
 * The pauses between laps that moved nothing, each twice as long as the one before, 20 ms to 1 s:
 * what is missing then is somebody else's to bring or to let go of. One thread at a time.
 */
final class Laps {
  private static final long FIRST_PAUSE_NANOS = 20_000_000;
  private static final long MOST_PAUSE_NANOS = 1_000_000_000;

  private boolean moved;
  private long pause = FIRST_PAUSE_NANOS;
  private boolean pausing;
  private long until;

  /** There is reason to look at once. */
  void goOn() {
    pausing = false;
    pause = FIRST_PAUSE_NANOS;
  }

  /** This lap has moved something. */
  void moved() {
    moved = true;
  }

  /** A lap is over; true if the next one follows at once, else {@link #until} says when. */
  boolean next(long now) {
    if (!moved) {
      pausing = true;
      until = now + pause;
      pause = Math.min(2 * pause, MOST_PAUSE_NANOS);
      return false;
    }
    pause = FIRST_PAUSE_NANOS;
    moved = false;
    return true;
  }

  /** Whether there is a pause now; it ends when its time has come. */
  boolean pausing(long now) {
    if (pausing && now - until >= 0) {
      pausing = false;
    }
    return pausing;
  }

  /** When the pause ends. */
  long until() {
    return until;
  }
}
