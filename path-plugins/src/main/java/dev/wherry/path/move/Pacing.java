package dev.wherry.path.move;

/**
 * When the next piece may leave.
 *
 * <ul>
 *   <li>The limit holds over any time: what was not used is lost.
 *   <li>While hosts are busy there is a rate that the move keeps to and is to make. What it could
 *       not send in its time (the timer was late, the window was full) it makes up for, for up to a
 *       second's worth, at no more than twice the rate: never in a clump that hosts would feel.
 * </ul>
 *
 * One thread at a time.
 */
final class Pacing {
  private static final long MOST_OWED_NANOS = 1_000_000_000;

  /**
   * A fifth of a path is left to the move, but not more than this many times its minimum: as much
   * more as makes sure of the minimum in any second.
   */
  private static final double MOST_MINIMA = 1.1;

  private Mover.Pace pace;
  private boolean yields;
  private double rate;
  private long limitAt;
  private long owedAt;
  private long spacedAt;

  Pacing(Mover.Pace pace, long now) {
    this.pace = pace;
    limitAt = now;
  }

  void set(Mover.Pace value, long now) {
    if (value.limit() != pace.limit()) {
      limitAt = now;
    }
    pace = value;
  }

  /** Bytes per second that must be made. */
  long minimum() {
    return Math.min(pace.minimum(), pace.limit());
  }

  /**
   * Says how things are now.
   *
   * @param busy hosts are being answered
   * @param path what the path can deliver in bytes per second, or 0
   */
  void update(boolean busy, double path, long now) {
    if (busy && !yields) {
      owedAt = now;
      spacedAt = now;
    }
    yields = busy;
    // On a path as fast as memory a fifth of it is a fifth of the processors, and hosts need those.
    double share = Math.min(path / 5, MOST_MINIMA * pace.minimum());
    rate = Math.max(1, Math.min(Math.max((double) pace.minimum(), share), (double) pace.limit()));
  }

  boolean yields() {
    return yields;
  }

  /** Nanoseconds until a piece may leave, 0 if it may now. */
  long delay(long now) {
    long wait = limited() ? Math.max(0, limitAt - now) : 0;
    if (yields) {
      wait = Math.max(wait, Math.max(owedAt - now, spacedAt - now));
    }
    return wait;
  }

  void sent(long bytes, long now) {
    if (limited()) {
      limitAt = later(limitAt, now) + nanos(bytes, (double) pace.limit());
    }
    if (yields) {
      long step = nanos(bytes, rate);
      owedAt = later(owedAt, now - MOST_OWED_NANOS) + step;
      spacedAt = later(spacedAt, now - step) + step / 2;
    }
  }

  /** The most bytes of a piece that keep the bursts small. */
  long mostBytes() {
    double r = pace.limit();
    if (yields) {
      r = Math.min(r, rate);
    }
    return Math.max(1, (long) (r / 50));
  }

  private boolean limited() {
    return pace.limit() != Long.MAX_VALUE;
  }

  private static long later(long a, long b) {
    return a - b > 0 ? a : b;
  }

  private static long nanos(long bytes, double bytesPerSecond) {
    return (long) Math.min(bytes * 1e9 / bytesPerSecond, 3.6e12);
  }
}
