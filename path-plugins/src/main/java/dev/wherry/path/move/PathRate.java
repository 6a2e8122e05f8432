package dev.wherry.path.move;

/**
 * What a path can deliver in bytes per second: the most that it did lately. While the move holds
 * itself back nothing can be learned, so nothing is forgotten then. One thread at a time.
 */
final class PathRate {
  private static final long AGE_NANOS = 5_000_000_000L;

  private double current;
  private double previous;
  private long since;

  PathRate(long now) {
    since = now;
  }

  /**
   * @param open the move sent as much as the path would take
   */
  void add(double bytesPerSecond, boolean open, long now) {
    if (open && now - since > AGE_NANOS) {
      previous = current;
      current = 0;
      since = now;
    }
    if (open || bytesPerSecond > bytesPerSecond()) {
      current = Math.max(current, bytesPerSecond);
    }
  }

  /** 0 while it is not known. */
  double bytesPerSecond() {
    return Math.max(current, previous);
  }
}
