package dev.wherry.path.file;

import dev.wherry.path.io.Blocking;
import dev.wherry.path.io.PosixException;
import java.util.concurrent.CompletableFuture;

/**
 * Works through a long range in slices, each a task of its own, so that no request keeps a worker,
 * or a lock of the file system, from the others for long.
 */
final class Slices {
  /** What is done for one slice. Blocks. */
  @FunctionalInterface
  interface Step {
    void run(long offset, long length) throws PosixException;
  }

  /** Where cheap ground ends: a slice reaches at least to there. */
  @FunctionalInterface
  interface Reach {
    long from(long offset) throws PosixException;
  }

  private final Blocking pool;
  private final long slice;

  /**
   * @param slice bytes that are done at once
   */
  Slices(Blocking pool, long slice) {
    this.pool = pool;
    this.slice = slice;
  }

  /** Runs the step over the range, in order; the first failure ends it. */
  CompletableFuture<Void> run(long offset, long length, Reach reach, Step step) {
    CompletableFuture<Void> result = new CompletableFuture<>();
    next(offset, offset + length, reach, step, result);
    return result;
  }

  private void next(long at, long end, Reach reach, Step step, CompletableFuture<Void> result) {
    pool.call(
            () -> {
              long stop = stop(at, end, reach);
              step.run(at, stop - at);
              return stop;
            })
        .whenComplete(
            (stop, failure) -> {
              if (failure != null) {
                result.completeExceptionally(failure);
              } else if (stop >= end) {
                result.complete(null);
              } else {
                next(stop, end, reach, step, result);
              }
            });
  }

  /** Slices end at multiples of the slice, so that only the edges of the range are unaligned. */
  private long stop(long at, long end, Reach reach) throws PosixException {
    long rest = slice - at % slice;
    if (end - at <= rest) {
      return end;
    }
    long far = Math.min(end, reach.from(at));
    return Math.max(at + rest, far - far % slice);
  }
}
