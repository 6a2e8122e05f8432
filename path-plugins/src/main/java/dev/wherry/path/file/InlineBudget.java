package dev.wherry.path.file;

import java.util.function.LongSupplier;

/**
 * Whether a file is written from the event loop. A buffered write is a copy to memory until the
 * kernel makes the writer wait: too many dirty pages, a full journal, a page that is being read.
 * Nothing says so beforehand on most file systems, so it is measured: a write that took longer than
 * {@link #LIMIT_NANOS} turns writes from the loop off for a while. Each one that is slow again
 * doubles the while; each one that is not halves it.
 *
 * <p>Any thread may call; a race costs a little accuracy.
 */
final class InlineBudget {
  /** Writes of 256 KiB take 20 to 60 µs (measured on 2 cores, ext4); a wait takes 4 ms and more. */
  static final long LIMIT_NANOS = 2_000_000;

  static final long FIRST_PAUSE_NANOS = 10_000_000;
  static final long LONGEST_PAUSE_NANOS = 2_000_000_000;

  private final LongSupplier nanoTime;
  private volatile long pause;
  private volatile long resumeAt;
  private volatile boolean paused;

  /**
   * @param nanoTime as {@link System#nanoTime}
   */
  InlineBudget(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  long now() {
    return nanoTime.getAsLong();
  }

  /** May a write run on the event loop now? */
  boolean allows() {
    if (!paused) {
      return true;
    }
    long now = now();
    if (now - resumeAt < 0) {
      return false;
    }
    // One write goes first; the others see its result, or the next end of the pause.
    resumeAt = now + pause;
    return true;
  }

  /** Records a write that ran on the event loop from {@code start}, as {@link #now} gave it. */
  void spentSince(long start) {
    long end = now();
    if (end - start > LIMIT_NANOS) {
      pause = Math.min(LONGEST_PAUSE_NANOS, Math.max(FIRST_PAUSE_NANOS, pause * 2));
      resumeAt = end + pause;
      paused = true;
    } else if (paused) {
      pause /= 2;
      paused = false;
    }
  }
}
