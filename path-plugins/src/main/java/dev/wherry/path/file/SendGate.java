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
 * range is asked for that is not known yet. A chunk that is said to have no hole and has one does
 * no harm: the hole is sent as zeroes.
 *
 * <p>Proof that all pages are up to date takes long for long ranges, so a chunk is proved once, as
 * a whole, and from then on it is enough that its pages are there, until we read something near it
 * from the device again.
 */
final class SendGate {
  /** Below this a copy is cheaper than what sendfile costs (measured on 2 cores, ext4). */
  static final int THRESHOLD = 64 << 10;

  /** How far the kernel reads ahead at most; 128 KiB is usual. */
  private static final long READ_AHEAD = 4 << 20;

  /** After a look that found a hole where data was asked for. */
  private static final long PAUSE_NANOS = 200_000_000;

  private final SharedChannel channel;
  private final Medium medium;
  private final Blocking pool;
  private final AtomicReference<@Nullable CompletableFuture<Void>> looking =
      new AtomicReference<>();
  private volatile ChunkMap dense;
  private volatile ChunkMap settled;
  private volatile long notBefore = System.nanoTime();

  SendGate(SharedChannel channel, Medium medium, Blocking pool, long size) {
    this.channel = channel;
    this.medium = medium;
    this.pool = pool;
    this.dense = new ChunkMap(size);
    this.settled = new ChunkMap(size);
  }

  @Nullable FileSlice trySend(long offset, int length, Residency residency) {
    if (length < THRESHOLD) {
      return null;
    }
    if (!dense.covers(offset, length)) {
      look(offset, length);
      return null;
    }
    return isReady(offset, length, residency) ? channel.region(offset, length) : null;
  }

  private boolean isReady(long offset, int length, Residency residency) {
    ChunkMap map = settled;
    if (map.covers(offset, length)) {
      return residency.isCached(offset, length) || residency.isResident(offset, length);
    }
    long first = map.firstUnknown(offset, length);
    long clears = map.clears();
    int chunk = (int) Math.min(Integer.MAX_VALUE, map.chunk());
    if (first >= 0 && residency.isResident(first, chunk)) {
      map.learn(first, first + chunk, clears);
    }
    return residency.isResident(offset, length);
  }

  /** Pages in or after the range may be on their way from the device. */
  void unsettle(long offset, long length) {
    settled.forget(offset, Math.min(length, Long.MAX_VALUE - READ_AHEAD - offset) + READ_AHEAD);
  }

  /** There may be a hole in the range from now on. */
  void forget(long offset, long length) {
    dense.forget(offset, length);
  }

  /** The file has another size: starts anew. */
  void resized(long size) {
    dense = new ChunkMap(size);
    settled = new ChunkMap(size);
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
    ChunkMap map = dense;
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
