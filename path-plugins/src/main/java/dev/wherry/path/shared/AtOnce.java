package dev.wherry.path.shared;

import dev.wherry.path.Answers;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;

/**
 * Sends single changes to the source, while the policy {@link WritePolicy#THROUGH} is in force.
 * Where the source has not got all of a block it gets it whole, which needs the own store to have
 * it: so each change comes with the future of the own store's. Safe on any thread; never blocks.
 */
final class AtOnce {
  private static final int LARGEST = 1 << 20;

  private final LayeredStore store;
  private final Sink sink;
  private final LongSupplier number;

  /**
   * @param number of the batch that was committed last
   */
  AtOnce(LayeredStore store, Sink sink, LongSupplier number) {
    this.store = store;
    this.sink = sink;
    this.number = number;
  }

  /**
   * Writes.
   *
   * @param data lent until done
   * @param own ends with the own store's write
   * @param whole the source is to get whole blocks, since the own store has made up what was not
   *     written of them
   */
  CompletableFuture<Void> write(
      long offset, ByteBuf data, CompletableFuture<Void> own, boolean whole) {
    int length = data.readableBytes();
    List<CompletableFuture<Void>> parts = new ArrayList<>();
    for (int at = 0; at < length; at += LARGEST) {
      int part = Math.min(LARGEST, length - at);
      parts.add(part(offset + at, data.slice(data.readerIndex() + at, part), own, whole));
    }
    return parts.size() == 1 ? parts.get(0) : Answers.join(parts);
  }

  private CompletableFuture<Void> part(
      long offset, ByteBuf data, CompletableFuture<Void> own, boolean whole) {
    int length = data.readableBytes();
    if (whole) {
      return own.thenCompose(v -> blocks(offset, length));
    }
    return sink.write(number.getAsLong(), offset, data)
        .handle(
            (v, lost) -> {
              if (lost == null) {
                return Answers.done();
              }
              return Failures.causeOf(lost) instanceof Sink.WholeBlocks
                  ? own.thenCompose(w -> blocks(offset, length))
                  : CompletableFuture.<Void>failedFuture(Failures.causeOf(lost));
            })
        .thenCompose(f -> f);
  }

  /** The source has not got all of the blocks: it gets them whole, once the own store has them. */
  private CompletableFuture<Void> blocks(long offset, int length) {
    int size = store.blockSize();
    long start = offset / size * size;
    long stop = Math.min(store.size(), (offset + length + size - 1) / size * size);
    List<CompletableFuture<Void>> parts = new ArrayList<>();
    for (long at = start; at < stop; at += LARGEST) {
      parts.add(whole(at, (int) Math.min(LARGEST, stop - at)));
    }
    return Answers.join(parts);
  }

  private CompletableFuture<Void> whole(long start, int length) {
    return store
        .read(start, length)
        .thenCompose(
            all ->
                sink.write(number.getAsLong(), start, all)
                    .whenComplete((v, lost) -> all.release()));
  }

  /** Makes a range read as zeroes; {@code own} and {@code whole} as for {@link #write}. */
  CompletableFuture<Void> zero(
      long offset, long length, CompletableFuture<Void> own, boolean whole) {
    int size = store.blockSize();
    long stop = offset + length;
    long first = Math.min(stop, (offset + size - 1) / size * size);
    long end = stop == store.size() ? stop : Math.max(first, stop / size * size);
    List<CompletableFuture<Void>> parts = new ArrayList<>();
    zeroes(offset, first, own, whole, parts);
    if (first < end) {
      parts.add(zeroBlocks(first, end - first));
    }
    zeroes(end, stop, own, whole, parts);
    return Answers.join(parts);
  }

  private void zeroes(
      long from,
      long to,
      CompletableFuture<Void> own,
      boolean whole,
      List<CompletableFuture<Void>> parts) {
    if (from < to) {
      ByteBuf zeroes = Buffers.zeroes((int) (to - from));
      parts.add(part(from, zeroes, own, whole).whenComplete((v, lost) -> zeroes.release()));
    }
  }

  /** Makes whole blocks read as zeroes. */
  CompletableFuture<Void> zeroBlocks(long offset, long length) {
    return sink.zero(number.getAsLong(), offset, length);
  }

  /** Makes durable what was sent. */
  CompletableFuture<Void> flush() {
    return sink.flush(number.getAsLong());
  }
}
