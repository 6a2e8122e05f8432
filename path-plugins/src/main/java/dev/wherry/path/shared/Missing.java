package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** What the owner misses and a policy has come here in the background. */
final class Missing extends MovedBlocks {
  private static final int LARGEST = 1 << 20;

  private final BlockMap map;
  private final Source source;

  Missing(LayeredStore store) {
    super(store);
    BlockMap m = store.map();
    Source s = store.source();
    if (m == null || s == null) {
      throw new IllegalStateException("nothing is missing");
    }
    this.map = m;
    this.source = s;
  }

  @Override
  long firstMissing(long from, long end) {
    return map.next(BlockMap.NOT_HERE, from, end);
  }

  @Override
  long firstHere(long from, long end) {
    return map.runEnd(from, end);
  }

  @Override
  public CompletableFuture<List<Extent>> extents(long from, long end) {
    long start = from * blockSize();
    return source.extents(start, Math.min(store.size(), end * blockSize()) - start);
  }

  @Override
  public CompletableFuture<Long> hydrate(long from, long end, Priority priority) {
    List<CompletableFuture<Long>> parts = new ArrayList<>();
    long step = Math.max(1, LARGEST / blockSize());
    for (long b = from; b < end; b += step) {
      long start = b * blockSize();
      long stop = Math.min(store.size(), Math.min(end, b + step) * blockSize());
      parts.add(
          source
              .fetch(start, (int) (stop - start), priority)
              .thenCompose(data -> store.keep(map, start, data)));
    }
    return Answers.join(parts)
        .thenApply(v -> parts.stream().mapToLong(CompletableFuture::join).sum());
  }

  @Override
  public CompletableFuture<Void> hydrateZero(long from, long end) {
    return store.keepZero(map, from, end);
  }

  @Override
  public CompletableFuture<Void> settle() {
    return store.map() == map
        ? store.flush()
        : Answers.failed(NbdError.EIO, "the volume has another map by now");
  }

  @Override
  public long roundTripNanos() {
    return source.roundTripNanos();
  }
}
