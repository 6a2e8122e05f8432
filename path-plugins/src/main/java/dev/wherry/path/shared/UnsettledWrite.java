package dev.wherry.path.shared;

import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A write to blocks of which some are not settled. It becomes one of whole units, of whole blocks
 * where it is the first word of a block that is durable here.
 */
final class UnsettledWrite {
  private final StoreChanges changes;
  private final ChangeOrder order;
  private final BlockDevice device;
  private final int blockSize;
  private final long size;
  private final BlockMap m;
  private final long offset;
  private final ByteBuf data;
  private final long stop;
  private final long first;
  private final long end;
  private ByteBuf head = Unpooled.EMPTY_BUFFER;
  private ByteBuf tail = Unpooled.EMPTY_BUFFER;

  UnsettledWrite(
      StoreChanges changes,
      Layers layers,
      ChangeOrder order,
      BlockMap m,
      long offset,
      ByteBuf data) {
    this.changes = changes;
    this.order = order;
    this.device = layers.device();
    this.blockSize = layers.blockSize();
    this.size = layers.size();
    this.m = m;
    this.offset = offset;
    this.data = data;
    this.stop = offset + data.readableBytes();
    this.first = offset / blockSize;
    this.end = (stop - 1) / blockSize + 1;
  }

  /** What is missing at the edges is fetched first, so that no lock waits for another node. */
  CompletableFuture<Void> run() {
    boolean cutHead = offset % blockSize != 0 || (end - first == 1 && cutsEnd());
    CompletableFuture<ByteBuf> a =
        cutHead
            ? changes.missingBlock(first)
            : CompletableFuture.completedFuture(Unpooled.EMPTY_BUFFER);
    CompletableFuture<ByteBuf> b =
        end - first > 1 && cutsEnd()
            ? changes.missingBlock(end - 1)
            : CompletableFuture.completedFuture(Unpooled.EMPTY_BUFFER);
    return CompletableFuture.allOf(a, b)
        .handle(
            (v, failure) -> {
              head = a.isCompletedExceptionally() ? Unpooled.EMPTY_BUFFER : a.join();
              tail = b.isCompletedExceptionally() ? Unpooled.EMPTY_BUFFER : b.join();
              if (failure != null) {
                done();
                throw Failures.of(failure);
              }
              return (Void) null;
            })
        .thenCompose(v -> locked());
  }

  private boolean cutsEnd() {
    return stop % blockSize != 0 && stop != size;
  }

  private void done() {
    head.release();
    tail.release();
  }

  private CompletableFuture<Void> locked() {
    return order.widened(first, end, () -> held().whenComplete((v, failure) -> done()));
  }

  /** Blocks that are settled get what was given, the others whole units. */
  private CompletableFuture<Void> held() {
    List<CompletableFuture<?>> parts = new ArrayList<>();
    for (long b = first; b < end; ) {
      boolean settled = m.settled(b, b + 1);
      long to = b + 1;
      while (to < end && m.settled(to, to + 1) == settled) {
        to++;
      }
      long from = Math.max(offset, b * blockSize);
      long until = Math.min(stop, to * blockSize);
      parts.add(settled ? plain(from, until) : wide(b, to, from, until));
      b = to;
    }
    return parts.size() == 1 ? parts.get(0).thenApply(v -> null) : Answers.join(parts);
  }

  private ByteBuf given(long from, long until) {
    return data.slice(data.readerIndex() + (int) (from - offset), (int) (until - from));
  }

  private CompletableFuture<Void> plain(long from, long until) {
    return device.write(from, given(from, until), 0);
  }

  private CompletableFuture<Void> wide(long b, long to, long from, long until) {
    long last = to - 1;
    long start = from - from % (wholeNeeded(b) ? blockSize : BlockMap.UNIT);
    int grain = wholeNeeded(last) ? blockSize : BlockMap.UNIT;
    long finish = Math.min(size, (until + grain - 1) / grain * grain);
    CompletableFuture<ByteBuf> before = present(b, start, from);
    CompletableFuture<ByteBuf> after = present(last, until, finish);
    ByteBuf middle = given(from, until).retain();
    return Buffers.join(List.of(before, CompletableFuture.completedFuture(middle), after))
        .thenCompose(all -> put(b, to, start, all));
  }

  /** Whether all of a block is written: nothing of it is durably here. */
  private boolean wholeNeeded(long block) {
    int state = m.state(block);
    return state == BlockMap.NOT_HERE
        || state == BlockMap.ZERO
        || (state == BlockMap.SAME && !m.durable(block));
  }

  /** What a part of a block holds now. */
  private CompletableFuture<ByteBuf> present(long block, long from, long to) {
    int length = (int) (to - from);
    if (length == 0) {
      return CompletableFuture.completedFuture(Unpooled.EMPTY_BUFFER);
    }
    ByteBuf fetched = block == first ? head : tail;
    return switch (m.state(block)) {
      case BlockMap.NOT_HERE ->
          CompletableFuture.completedFuture(
              fetched.retainedSlice(
                  fetched.readerIndex() + (int) (from - block * blockSize), length));
      case BlockMap.ZERO -> CompletableFuture.completedFuture(Buffers.zeroes(length));
      default -> device.read(from, length);
    };
  }

  /**
   * Whatever fails, the map has been told enough: what it refused was not written, and of what the
   * device refused it knows since {@link BlockMap#intend} that it may differ from the source, torn
   * as on any disk. What was not here stays so.
   */
  private CompletableFuture<Void> put(long from, long to, long start, ByteBuf all) {
    return m.intend(start, all)
        .thenCompose(v -> device.write(start, all, 0))
        .thenAccept(
            v -> {
              m.written(from, to);
              changes.commitAfter((to - from) * blockSize);
            })
        .whenComplete((v, failure) -> all.release());
  }
}
