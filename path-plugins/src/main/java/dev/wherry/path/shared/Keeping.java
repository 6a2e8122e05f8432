package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Keeps what came from the source: written under the locks, and only to blocks that are missing
 * still, so that a late fetch never overwrites a newer block. Safe on any thread; never blocks.
 */
final class Keeping {
  private final Layers layers;
  private final ChangeOrder order;
  private final InFlight underWay;

  /**
   * @param underWay counts what is kept: whoever replaces the map waits until nothing is counted
   */
  Keeping(Layers layers, ChangeOrder order, InFlight underWay) {
    this.layers = layers;
    this.order = order;
    this.underWay = underWay;
  }

  /**
   * Writes what was fetched to the blocks that are not here still.
   *
   * @param m the map for which it was fetched: where that is not the map any more, the blocks may
   *     have come from elsewhere meanwhile, and gone again
   * @param offset of whole blocks
   * @param data whole blocks; released
   * @return the bytes that were written
   */
  CompletableFuture<Long> keep(@Nullable BlockMap m, long offset, ByteBuf data) {
    long first = offset / layers.blockSize();
    long end = (offset + data.readableBytes() + layers.blockSize() - 1) / layers.blockSize();
    // Counted first: whoever replaces the map waits until nothing is counted.
    return underWay.counted(
        () -> {
          if (m == null || m != layers.map() || m.next(BlockMap.NOT_HERE, first, end) == end) {
            data.release();
            return CompletableFuture.completedFuture(0L);
          }
          return order.held(
              first,
              end,
              () ->
                  keepHeld(m, first, end, offset, data)
                      .whenComplete((bytes, failure) -> data.release()));
        });
  }

  private CompletableFuture<Long> keepHeld(
      BlockMap m, long first, long end, long offset, ByteBuf data) {
    if (!m.takesData()) {
      return noRoom();
    }
    List<CompletableFuture<?>> writes = new ArrayList<>();
    long bytes = 0;
    for (long b = m.next(BlockMap.NOT_HERE, first, end); b < end; ) {
      long from = b;
      long to = m.runEnd(from, end);
      long start = from * layers.blockSize();
      int length = (int) layers.bytes(from, to);
      ByteBuf part = data.slice(data.readerIndex() + (int) (start - offset), length);
      bytes += length;
      writes.add(layers.device().write(start, part, 0).thenRun(() -> m.hydrated(from, to)));
      b = m.next(BlockMap.NOT_HERE, to, end);
    }
    long total = bytes;
    return Answers.join(writes).thenApply(v -> total);
  }

  /** Takes note that the source has zeroes in these blocks; those that came meanwhile stay. */
  CompletableFuture<Void> keepZero(BlockMap m, long first, long end) {
    return underWay.counted(
        () ->
            m == layers.map()
                ? order.held(first, end, () -> keepZeroHeld(m, first, end))
                : Answers.done());
  }

  /** What the map has no room for, see {@link BlockMap#takesData}. */
  static <T> CompletableFuture<T> noRoom() {
    return Answers.failed(NbdError.ENOSPC, "no space for the block map's journal");
  }

  private CompletableFuture<Void> keepZeroHeld(BlockMap m, long first, long end) {
    if (!m.takesData()) {
      return noRoom();
    }
    List<CompletableFuture<?>> zeroed = new ArrayList<>();
    for (long b = m.next(BlockMap.NOT_HERE, first, end); b < end; ) {
      long from = b;
      long to = m.runEnd(from, end);
      zeroed.add(
          layers
              .device()
              .zero(from * layers.blockSize(), layers.bytes(from, to), 0)
              .thenRun(() -> m.hydratedHole(from, to)));
      b = m.next(BlockMap.NOT_HERE, to, end);
    }
    return Answers.join(zeroed);
  }
}
