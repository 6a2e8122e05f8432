package dev.wherry.path.move;

/**
 * How many bytes are fetched at once: what the path delivers in one and a half milliseconds, so
 * that a host's read does not wait long behind a piece; a power of two. One thread at a time.
 */
final class PieceSize {
  static final long SMALLEST = 16 << 10;
  static final long LARGEST = 1 << 20;
  static final long USUAL = 256 << 10;

  /** While hosts are busy: a piece keeps an event loop for some 50 microseconds. */
  static final long POLITE = 128 << 10;

  private static final double SECONDS = 0.0015;

  private long size = 64 << 10;

  /** The size that goes with the path; true if it is another one than before. */
  boolean update(double bytesPerSecond) {
    double fits = bytesPerSecond * SECONDS;
    long before = size;
    if (fits <= 0) {
      return false;
    }
    // It takes four times as much to go beyond the usual: only where per-piece costs matter.
    while (size < LARGEST && fits >= 2.2 * size * (size < USUAL ? 1 : 4)) {
      size *= 2;
    }
    while (size > SMALLEST && fits < 0.75 * size * (size <= USUAL ? 1 : 4)) {
      size /= 2;
    }
    return size != before;
  }

  long bytes() {
    return size;
  }
}
