package dev.wherry.path.shared;

import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Reads for the nodes whose source this store is, whoever owns the volume; nothing of it is kept
 * here. Safe on any thread; never blocks.
 */
final class NodeReads {
  private final Layers layers;

  NodeReads(Layers layers) {
    this.layers = layers;
  }

  /**
   * Reads what this store has; what it has not comes from its source, unless that is the asker.
   *
   * @param asker the node's {@link Source#describe()}
   * @param length up to 1 MiB, on whole units
   */
  CompletableFuture<Fetched> fetch(String asker, long offset, int length, Priority priority) {
    BlockMap m = layers.map();
    List<CompletableFuture<ByteBuf>> parts = new ArrayList<>();
    List<Run> absent = new ArrayList<>();
    long stop = offset + length;
    for (long at = offset; at < stop; ) {
      long block = at / layers.blockSize();
      int state = m == null ? BlockMap.SAME : m.state(block);
      long runEnd = m == null ? stop : layers.runStop(m, state, at, stop);
      if (runEnd == at) {
        continue; // It has changed just now.
      }
      int bytes = (int) (runEnd - at);
      if (state == BlockMap.NOT_HERE) {
        Source from = layers.sourceFor(asker);
        if (from == null) {
          Run.append(absent, block, layers.endOf(at, bytes));
          parts.add(CompletableFuture.completedFuture(Buffers.zeroes(bytes)));
        } else {
          parts.add(from.fetch(at, bytes, priority));
        }
      } else if (state == BlockMap.ZERO) {
        parts.add(CompletableFuture.completedFuture(Buffers.zeroes(bytes)));
      } else {
        parts.add(layers.device().read(at, bytes));
      }
      at = runEnd;
    }
    return Buffers.join(parts)
        .thenApply(data -> new Fetched(data, absent))
        .exceptionallyCompose(failure -> failed(offset, length, failure));
  }

  /**
   * What the source says is nowhere is absent here, too. Of a longer range it is not known which
   * blocks are: whoever wants to know asks for one.
   */
  private CompletableFuture<Fetched> failed(long offset, int length, Throwable failure) {
    long block = offset / layers.blockSize();
    long end = layers.endOf(offset, length);
    return NotHere.isNowhere(failure) && end - block == 1
        ? CompletableFuture.completedFuture(
            new Fetched(Buffers.zeroes(length), List.of(new Run(block, end))))
        : CompletableFuture.failedFuture(Failures.causeOf(failure));
  }
}
