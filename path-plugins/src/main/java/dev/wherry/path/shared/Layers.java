package dev.wherry.path.shared;

import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.map.BlockMap;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What a store is made of: the device, the map of what of the volume is on it, the sources of the
 * rest, and the policies by which they are asked. Each of them is replaced while nothing is in
 * flight, so whoever has begun with one goes on with it. Safe on any thread; never blocks.
 */
final class Layers {
  private final BlockDevice device;
  private final long size;
  private final int blockSize;
  private final long blocks;
  private volatile @Nullable BlockMap map;
  private Supplier<CompletableFuture<Void>> force = Answers::done;
  private CompletableFuture<Void> forced = Answers.done();
  private volatile @Nullable Source source;
  private volatile @Nullable Source base;
  private volatile Policies policies;

  /** Why the device was not flushed, where that is so. */
  private final AtomicReference<@Nullable Throwable> lost = new AtomicReference<>();

  /**
   * @param size of the volume in bytes; the last block may be a partial one
   * @param blockSize in bytes
   * @param map null: all is on the device
   */
  Layers(BlockDevice device, long size, int blockSize, @Nullable BlockMap map, Policies policies) {
    this.device = device;
    this.size = size;
    this.blockSize = blockSize;
    this.blocks = (size + blockSize - 1) / blockSize;
    this.map = map;
    this.policies = policies;
  }

  BlockDevice device() {
    return device;
  }

  long size() {
    return size;
  }

  int blockSize() {
    return blockSize;
  }

  long blocks() {
    return blocks;
  }

  @Nullable BlockMap map() {
    return map;
  }

  /**
   * @param force makes the map durable as it is put here, and has begun to: before that is done
   *     nothing that relies on it may be durable. It is asked again if it fails
   */
  void map(@Nullable BlockMap value, Supplier<CompletableFuture<Void>> force) {
    synchronized (this) {
      this.force = force;
      forced = force.get();
    }
    map = value;
    forgetLoss(); // Another map counts on none of that.
  }

  private synchronized CompletableFuture<Void> forced() {
    if (forced.isCompletedExceptionally()) {
      forced = force.get();
    }
    return forced;
  }

  /** Makes durable what was written, and what the map knows of it. */
  CompletableFuture<Void> flush() {
    BlockMap m = map;
    if (m == null) {
      return flushDevice();
    }
    CompletableFuture<Void> before = forced();
    return before.isDone() && !before.isCompletedExceptionally()
        ? m.commit(this::flushDevice)
        : before.thenCompose(v -> m.commit(this::flushDevice));
  }

  /**
   * Flushes the device. Where one flush has failed each later one does, of whoever asks: it might
   * succeed, and what was written before be lost all the same.
   */
  private CompletableFuture<Void> flushDevice() {
    Throwable before = lost.get();
    return before != null
        ? CompletableFuture.failedFuture(before)
        : device.flush().whenComplete((v, failure) -> noteLoss(failure));
  }

  private void noteLoss(@Nullable Throwable failure) {
    Throwable cause = failure == null ? null : Failures.causeOf(failure);
    if (cause != null && !(cause instanceof NbdException e && e.isHarmless())) {
      lost.compareAndSet(null, cause);
    }
  }

  /** What may be lost is written again, or counted, or of no use any more. */
  void forgetLoss() {
    lost.set(null);
  }

  Policies policies() {
    return policies;
  }

  void policies(Policies value) {
    policies = value;
  }

  @Nullable Source source() {
    return source;
  }

  void source(@Nullable Source value, @Nullable Source further) {
    source = value;
    base = further;
  }

  /** Those that there are, one or two or none. */
  List<Source> sources() {
    List<Source> all = new ArrayList<>(2);
    Source first = source;
    if (first != null) {
      all.add(first);
    }
    Source further = base;
    if (further != null) {
      all.add(further);
    }
    return all;
  }

  /** Where a block that is not here comes from when another node wants it; never from that node. */
  @Nullable Source sourceFor(String asker) {
    Source first = source;
    if (first == null || !first.describe().equals(asker)) {
      return first;
    }
    Source further = base;
    return further == null || further.describe().equals(asker) ? null : further;
  }

  // ------------------------------------------------------------------ blocks and bytes

  /** The end of the blocks that hold a byte of the range; it is not empty. */
  long endOf(long offset, long length) {
    return (offset + length - 1) / blockSize + 1;
  }

  /** How many bytes of the volume some blocks hold. */
  long bytes(long first, long end) {
    return Math.min(size, end * blockSize) - first * blockSize;
  }

  /**
   * Where the run of blocks ends that are in a state, in bytes: {@code at} where the one there is
   * not, any more.
   */
  long runStop(BlockMap m, int state, long at, long stop) {
    long block = at / blockSize;
    long end = m.nextOther(state, block, endOf(at, stop - at));
    return end == block ? at : Math.min(stop, end * blockSize);
  }

  /** Whether the device alone answers reads of the range. */
  boolean isPlain(@Nullable BlockMap m, long offset, long length) {
    if (m == null) {
      return true;
    }
    long end = endOf(offset, length);
    for (long b = offset / blockSize; b < end; ) {
      int state = m.state(b);
      if (state == BlockMap.NOT_HERE || state == BlockMap.ZERO) {
        return false;
      }
      b = b + 1 == end ? end : m.nextOther(state, b, end);
    }
    return true;
  }
}
