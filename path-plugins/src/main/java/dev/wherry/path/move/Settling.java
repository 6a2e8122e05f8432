package dev.wherry.path.move;

/**
 * When to make durable what came: each 64 MiB, but not more than once a second, and after 5 s at
 * the latest. One thread at a time.
 */
final class Settling {
  private static final long BYTES = 64L << 20;
  private static final long MOST_NANOS = 5_000_000_000L;
  private static final long LEAST_NANOS = 1_000_000_000;

  private boolean running;
  private long bytes;
  private long endedAt;

  Settling(long now) {
    endedAt = now;
  }

  /** So much came that is not durable. */
  void add(long count) {
    bytes += count;
  }

  boolean due(long now) {
    long since = now - endedAt;
    return !running
        && bytes > 0
        && (since >= MOST_NANOS || (bytes >= BYTES && since >= LEAST_NANOS));
  }

  Errand begin() {
    running = true;
    bytes = 0;
    return new Errand(Errand.Kind.SETTLE, 0, 0, 0);
  }

  void ended(boolean durable, long now) {
    running = false;
    endedAt = now;
    if (!durable) {
      bytes++;
    }
  }
}
