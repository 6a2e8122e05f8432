package dev.wherry.path.file;

import dev.wherry.nbd.FileSlice;
import dev.wherry.path.io.Blocking;
import dev.wherry.path.io.Residency;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Decides what is sent by sendfile: ranges of some length, that lie in the page cache and in which
 * no hole is known. Where the holes are is looked up on the worker pool, one look at a time, when a
 * range is asked for that is not known yet.
 */
final class SendGate {
  /** Below this a copy is cheaper than what sendfile costs (measured on 2 cores, ext4). */
  static final int THRESHOLD = 64 << 10;

  /** After a look that found a hole where data was asked for. */
  private static final long PAUSE_NANOS = 200_000_000;

  private final SharedChannel channel;
  private final Medium medium;
  private final Blocking pool;
  private final AtomicReference<@Nullable CompletableFuture<Void>> looking =
      new AtomicReference<>();
  private volatile DenseMap dense;
  private volatile long notBefore = System.nanoTime();

  SendGate(SharedChannel channel, Medium medium, Blocking pool, long size) {
    this.channel = channel;
    this.medium = medium;
    this.pool = pool;
    this.dense = new DenseMap(size);
  }

  @Nullable FileSlice trySend(long offset, int length, Residency residency) {
    if (length < THRESHOLD) {
      return null;
    }
    if (!dense.covers(offset, length)) {
      look(offset, length);
      return null;
    }
    return residency.isResident(offset, length) ? channel.region(offset, length) : null;
  }

  /** There may be a hole in the range from now on. */
  void forget(long offset, long length) {
    dense.forget(offset, length);
  }

  /** The file has another size: starts anew. */
  void resized(long size) {
    dense = new DenseMap(size);
  }

  /** Completes when no look at the file is under way. */
  CompletableFuture<Void> idle() {
    CompletableFuture<Void> now = looking.get();
    return now == null ? CompletableFuture.completedFuture(null) : now;
  }

  /** Closes the channel as soon as the last region is released. */
  void close() {
    channel.release();
  }

  private void look(long offset, int length) {
    if (looking.get() != null || System.nanoTime() - notBefore < 0) {
      return;
    }
    CompletableFuture<Void> done = new CompletableFuture<>();
    if (!looking.compareAndSet(null, done)) {
      return;
    }
    DenseMap map = dense;
    long start = map.firstUnknown(offset, length);
    if (start < 0) {
      looking.set(null);
      done.complete(null);
      return;
    }
    pool.call(
            () -> {
              long clears = map.clears();
              long end = medium.endOfData(start);
              map.learn(start, end, clears);
              return null;
            })
        .whenComplete(
            (nothing, failure) -> {
              if (map.firstUnknown(offset, length) == start) {
                notBefore = System.nanoTime() + PAUSE_NANOS;
              }
              looking.set(null);
              done.complete(null);
            });
  }
}
