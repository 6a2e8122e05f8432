package dev.wherry.path.shared;

import dev.wherry.nbd.Export;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * Writes, zeroes, trims and flushes. A change of blocks that are not {@link BlockMap#settled} holds
 * them from before the map is told until the map has the outcome. Safe on any thread; never blocks.
 */
final class StoreChanges {
  /**
   * After so many bytes that the map was told of it is committed, also for hosts that never flush.
   */
  private static final long COMMIT_BYTES = 64 << 20;

  private final Layers layers;
  private final ChangeOrder order;
  private final Fetches fetches;
  private final InFlight underWay;

  /** Bytes written since the last commit that the map had to be told of. */
  private final AtomicLong uncommitted = new AtomicLong();

  StoreChanges(Layers layers, ChangeOrder order, Fetches fetches, InFlight underWay) {
    this.layers = layers;
    this.order = order;
    this.fetches = fetches;
    this.underWay = underWay;
  }

  /** As {@link BlockDevice#tryWrite}. */
  boolean tryWrite(long offset, ByteBuf data) {
    BlockMap m = layers.map();
    if (m == null) {
      return layers.device().tryWrite(offset, data);
    }
    if (!order.mayPass(m, offset, data.readableBytes())) {
      return false;
    }
    try {
      return layers.device().tryWrite(offset, data);
    } finally {
      order.passed();
    }
  }

  /** Writes anywhere. Flags: {@link Export#FUA}. */
  CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    BlockMap m = layers.map();
    int length = data.readableBytes();
    if (m == null) {
      return layers.device().write(offset, data, flags);
    }
    if (order.mayPass(m, offset, length)) {
      return layers
          .device()
          .write(offset, data, flags)
          .whenComplete((v, failure) -> order.passed());
    }
    return new UnsettledWrite(this, layers, order, m, offset, data)
        .run()
        .thenCompose(v -> fua(flags));
  }

  private CompletableFuture<Void> fua(int flags) {
    return (flags & Export.FUA) == 0 ? Answers.done() : flush();
  }

  /**
   * The data of a block that is written in part and is not here; empty if it is here. Zeroes where
   * it may not be fetched, and so is disposable, and where it cannot be since it is nowhere: a node
   * that has no source finds that out by itself, one that took the ownership from it by asking.
   */
  CompletableFuture<ByteBuf> missingBlock(long block) {
    BlockMap m = layers.map();
    if (m == null || m.state(block) != BlockMap.NOT_HERE) {
      return CompletableFuture.completedFuture(Unpooled.EMPTY_BUFFER);
    }
    int length = (int) layers.bytes(block, block + 1);
    Source from = layers.source();
    // Nobody needs what is made up, and what is nowhere cannot be fetched.
    return from == null || layers.policies().isMadeUp(block)
        ? CompletableFuture.completedFuture(Buffers.zeroes(length))
        : fetches
            .fetch(from, block * layers.blockSize(), length)
            .exceptionallyCompose(
                failure ->
                    NotHere.isNowhere(failure)
                        ? CompletableFuture.completedFuture(Buffers.zeroes(length))
                        : CompletableFuture.failedFuture(Failures.causeOf(failure)));
  }

  /** Makes a range read as zeroes; flags as of {@link Export#zero}. */
  CompletableFuture<Void> zero(long offset, long length, int flags) {
    BlockMap m = layers.map();
    if (m == null) {
      return layers.device().zero(offset, length, flags);
    }
    long stop = offset + length;
    long first = firstWhole(offset);
    long end = endWhole(stop);
    if (first >= end) {
      // Within one block, or across the border of two.
      return zeroPart(offset, (int) length).thenCompose(v -> fua(flags));
    }
    List<CompletableFuture<?>> parts = new ArrayList<>();
    long start = first * layers.blockSize();
    long bytes = layers.bytes(first, end);
    if (start > offset) {
      parts.add(zeroPart(offset, (int) (start - offset)));
    }
    parts.add(
        forget(m, first, end, () -> layers.device().zero(start, bytes, flags & Export.NO_HOLE)));
    if (stop > start + bytes) {
      parts.add(zeroPart(start + bytes, (int) (stop - start - bytes)));
    }
    return Answers.join(parts).thenCompose(v -> fua(flags));
  }

  private CompletableFuture<Void> zeroPart(long offset, int length) {
    ByteBuf zeroes = Buffers.zeroes(length);
    return write(offset, zeroes, 0).whenComplete((v, failure) -> zeroes.release());
  }

  /** Forgets whole blocks of a range, which then read as zeroes; its ends stay as they are. */
  CompletableFuture<Void> trim(long offset, long length, int flags) {
    BlockMap m = layers.map();
    if (m == null) {
      return layers.device().trim(offset, length, flags);
    }
    long first = firstWhole(offset);
    long end = endWhole(offset + length);
    if (first >= end) {
      return fua(flags);
    }
    long start = first * layers.blockSize();
    long bytes = layers.bytes(first, end);
    // Zeroed, since a block that reads as zeroes must go on to when the map is not there any more.
    return forget(m, first, end, () -> layers.device().zero(start, bytes, 0))
        .thenCompose(v -> fua(flags));
  }

  /** The first block that begins at an offset or behind it. */
  private long firstWhole(long offset) {
    return (offset + layers.blockSize() - 1) / layers.blockSize();
  }

  /** The end of the blocks that end at an offset or before it; the volume's end ends the last. */
  private long endWhole(long stop) {
    return stop == layers.size() ? layers.blocks() : stop / layers.blockSize();
  }

  /** Has the map hold blocks for zeroes, then the device. */
  private CompletableFuture<Void> forget(
      BlockMap m, long first, long end, Supplier<CompletableFuture<Void>> erase) {
    return order.unsettled(first, end, () -> m.zeroed(first, end).thenCompose(v -> erase.get()));
  }

  /** Takes note of bytes that the map was told of; commits when they are many. */
  void commitAfter(long bytes) {
    if (uncommitted.addAndGet(bytes) >= COMMIT_BYTES) {
      underWay.counted(this::flush);
    }
  }

  /** Makes durable what was written, and what the map knows of it. */
  CompletableFuture<Void> flush() {
    uncommitted.set(0);
    return layers.flush();
  }
}
