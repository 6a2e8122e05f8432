package dev.wherry.path.shared;

import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.ReadPolicy;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.move.ReadAhead;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Reads for hosts, as the owner: what is here from the device, what is not as the read policy says.
 * Fetches hold nothing: what has come here when one ends is read from here. The source may have
 * been changed after that, where it is an owner that was forced out and has not heard of it yet.
 * Safe on any thread; never blocks.
 */
final class HostReads {
  private static final int LARGEST_FETCH = 1 << 20;

  /** What is fetched ahead of a host that reads in sequence, in bytes, at most. */
  private static final long AHEAD = 2 << 20;

  private final Layers layers;
  private final Fetches fetches;
  private final Keeping keeping;
  private final ReadAhead ahead;

  HostReads(Layers layers, Fetches fetches, Keeping keeping) {
    this.layers = layers;
    this.fetches = fetches;
    this.keeping = keeping;
    this.ahead = new ReadAhead(layers.blockSize(), layers.blocks(), AHEAD);
  }

  /** Reads a range; the caller owns the buffer. */
  CompletableFuture<ByteBuf> read(long offset, int length) {
    BlockMap m = layers.map();
    if (m == null) {
      return layers.device().read(offset, length);
    }
    if (layers.isPlain(m, offset, length)) {
      return fromDevice(m, offset, length);
    }
    List<CompletableFuture<ByteBuf>> parts = new ArrayList<>();
    long stop = offset + length;
    for (long at = offset; at < stop; ) {
      int state = m.state(at / layers.blockSize());
      long runEnd = layers.runStop(m, state, at, stop);
      if (runEnd == at) {
        continue; // It has changed just now.
      }
      switch (state) {
        case BlockMap.NOT_HERE -> runEnd = missing(m, at, runEnd, parts);
        case BlockMap.ZERO ->
            parts.add(CompletableFuture.completedFuture(Buffers.zeroes((int) (runEnd - at))));
        default -> parts.add(fromDevice(m, at, (int) (runEnd - at)));
      }
      at = runEnd;
    }
    readAhead(m, offset, length);
    return Buffers.join(parts);
  }

  /** As {@link BlockDevice#tryRead}; see {@link #fromDevice}. */
  boolean tryRead(long offset, int length, ByteBuf into) {
    BlockMap m = layers.map();
    int before = into.writerIndex();
    if (!layers.isPlain(m, offset, length) || !layers.device().tryRead(offset, length, into)) {
      return false;
    }
    if (m != null && !layers.isPlain(m, offset, length)) {
      into.writerIndex(before);
      return false;
    }
    return true;
  }

  /**
   * Reads what was on the device when this was called. Where blocks have come to read as zeroes
   * meanwhile a later write may be in the store that no other read shows yet: it is read again.
   */
  private CompletableFuture<ByteBuf> fromDevice(BlockMap m, long offset, int length) {
    return layers
        .device()
        .read(offset, length)
        .thenCompose(
            data -> {
              if (layers.isPlain(m, offset, length)) {
                return CompletableFuture.completedFuture(data);
              }
              data.release();
              return read(offset, length);
            });
  }

  /** Adds the parts for a range that is not here; returns where they end. */
  private long missing(BlockMap m, long at, long stop, List<CompletableFuture<ByteBuf>> parts) {
    long block = at / layers.blockSize();
    Policies policies = layers.policies();
    ReadPolicy policy = policies.at(block);
    long policyEnd = Math.min(stop, policies.runEnd(block, layers.blocks()) * layers.blockSize());
    long end = Math.min(policyEnd, at / LARGEST_FETCH * LARGEST_FETCH + LARGEST_FETCH);
    Source from = layers.source();
    if (!policy.isFetched() || from == null) {
      parts.add(CompletableFuture.failedFuture(NotHere.at(from)));
    } else {
      boolean keep = policy.isKept();
      int grain = keep ? layers.blockSize() : BlockMap.UNIT;
      long start = at / grain * grain;
      long last = Math.min(layers.size(), (end + grain - 1) / grain * grain);
      parts.add(
          fetches
              .fetch(from, start, (int) (last - start))
              .thenCompose(data -> fetched(m, at, end, start, data, keep)));
    }
    return end;
  }

  /**
   * What a read is answered for which a range was fetched. What has come here meanwhile is read
   * from here: a host may have been answered that it has written it, and the source have been
   * changed after that, so that others would see something older after this read.
   *
   * @param start of what was fetched
   * @param data from there on; released
   */
  private CompletableFuture<ByteBuf> fetched(
      BlockMap m, long offset, long stop, long start, ByteBuf data, boolean keep) {
    List<CompletableFuture<ByteBuf>> parts = new ArrayList<>(1);
    for (long at = offset; at < stop; ) {
      long end = layers.runStop(m, BlockMap.NOT_HERE, at, stop);
      if (end > at) {
        int index = data.readerIndex() + (int) (at - start);
        parts.add(CompletableFuture.completedFuture(data.retainedSlice(index, (int) (end - at))));
      } else {
        end = Math.min(stop, (at / layers.blockSize() + 1) * layers.blockSize());
        parts.add(read(at, (int) (end - at)));
      }
      at = end;
    }
    if (keep) {
      keeping.keep(m, start, data).exceptionally(failure -> 0L);
    } else {
      data.release();
    }
    return parts.size() == 1 ? parts.get(0) : Buffers.join(parts);
  }

  /** Fetches what a host that reads in sequence will ask for next, as far as it is kept here. */
  private void readAhead(BlockMap m, long offset, long length) {
    ReadAhead.Range next = ahead.observe(offset / layers.blockSize(), layers.endOf(offset, length));
    if (!next.isEmpty()) {
      bring(m, next.from(), next.end());
    }
  }

  /** Brings the first megabytes of a range that is not here; promises nothing. */
  CompletableFuture<Void> cache(long offset, long length) {
    BlockMap m = layers.map();
    if (m == null) {
      return layers.device().cache(offset, length);
    }
    if (length > 0) {
      bring(m, offset / layers.blockSize(), layers.endOf(offset, Math.min(length, 4 * AHEAD)));
    }
    return Answers.done();
  }

  /** Fetches blocks that are not here and would be kept, for hosts that may want them soon. */
  private void bring(BlockMap m, long first, long end) {
    Source from = layers.source();
    long step = Math.max(1, LARGEST_FETCH / layers.blockSize());
    for (long b = m.next(BlockMap.NOT_HERE, first, end); from != null && b < end; ) {
      Policies policies = layers.policies();
      long to = Math.min(policies.runEnd(b, m.runEnd(b, end)), b + step);
      if (policies.at(b).isReadAhead()) {
        long start = b * layers.blockSize();
        fetches
            .fetch(from, start, (int) layers.bytes(b, to))
            .thenCompose(data -> keeping.keep(m, start, data))
            .exceptionally(failure -> 0L);
      }
      b = m.next(BlockMap.NOT_HERE, to, end);
    }
  }
}
