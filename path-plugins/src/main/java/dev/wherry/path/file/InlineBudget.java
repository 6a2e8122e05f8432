package dev.wherry.path.file;

import java.util.function.LongSupplier;

/**
 * Whether a file is written from the event loop. A buffered write is a copy to memory until the
 * kernel makes the writer wait: too many dirty pages, a full journal, a page that is being read.
 * Nothing says so beforehand on most file systems, so it is measured.
 *
 * <p>A write that took longer than {@link #LIMIT_NANOS} waited, or its thread lost the processor to
 * another. So it first raises a suspicion: for the next {@link #SUSPICIOUS} writes it is counted
 * how often the kernel let the thread wait, too. A slow one that did wait turns writes from the
 * loop off for a while, and each further one doubles the while, until a good number were quick.
 *
 * <p>Any thread may call; a race costs a little accuracy.
 */
final class InlineBudget {
  /** Writes of 256 KiB take 6 to 60 µs (measured on 2 cores, ext4); a wait takes 4 ms and more. */
  static final long LIMIT_NANOS = 2_000_000;

  static final long FIRST_PAUSE_NANOS = 10_000_000;
  static final long LONGEST_PAUSE_NANOS = 2_000_000_000;

  /** Writes that are watched after a slow one; also, that have to be quick to forget a pause. */
  static final int SUSPICIOUS = 512;

  private static final long NOT_WATCHED = -1;

  private final LongSupplier nanoTime;
  private final LongSupplier waits;
  private volatile int suspicion;
  private volatile long pause;
  private volatile long resumeAt;
  private volatile boolean paused;

  /**
   * @param nanoTime as {@link System#nanoTime}
   * @param waits how often the calling thread had to wait in the kernel so far
   */
  InlineBudget(LongSupplier nanoTime, LongSupplier waits) {
    this.nanoTime = nanoTime;
    this.waits = waits;
  }

  /** May a write run on the event loop now? */
  boolean allows() {
    if (!paused) {
      return true;
    }
    long now = nanoTime.getAsLong();
    if (now - resumeAt < 0) {
      return false;
    }
    // One write goes first; the others see its result, or the next end of the pause.
    resumeAt = now + pause;
    return true;
  }

  /** To be given to {@link #spent} after the write. */
  long waitsBefore() {
    return suspicion > 0 ? waits.getAsLong() : NOT_WATCHED;
  }

  long now() {
    return nanoTime.getAsLong();
  }

  /**
   * Records a write that ran on the event loop.
   *
   * @param start {@link #now} before it
   * @param waitsBefore {@link #waitsBefore} before it
   */
  void spent(long start, long waitsBefore) {
    long end = nanoTime.getAsLong();
    if (end - start <= LIMIT_NANOS) {
      quick();
    } else if (waitsBefore == NOT_WATCHED) {
      suspicion = SUSPICIOUS;
    } else if (waits.getAsLong() != waitsBefore) {
      suspicion = SUSPICIOUS;
      pause = Math.min(LONGEST_PAUSE_NANOS, Math.max(FIRST_PAUSE_NANOS, pause * 2));
      resumeAt = end + pause;
      paused = true;
    }
  }

  private void quick() {
    if (paused) {
      paused = false;
    }
    int left = suspicion;
    if (left > 0) {
      suspicion = left - 1;
      pause = left == 1 ? 0 : pause;
    }
  }
}
