package dev.wherry.path.move;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.Priority;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/** One block of the source cannot be read. */
record FailingBlock(SimulatedPath path, long block, AtomicBoolean broken) implements Hydrator {
  @Override
  public int blockSize() {
    return path.blockSize();
  }

  @Override
  public long blocks() {
    return path.blocks();
  }

  @Override
  public long nextMissing(long from) {
    return path.nextMissing(from);
  }

  @Override
  public long missingEnd(long from, long end) {
    return path.missingEnd(from, end);
  }

  @Override
  public long missing() {
    return path.missing();
  }

  @Override
  public CompletableFuture<List<Extent>> extents(long from, long end) {
    return path.extents(from, end);
  }

  @Override
  public CompletableFuture<Long> hydrate(long from, long end, Priority priority) {
    if (broken.get() && from <= block && block < end) {
      return CompletableFuture.failedFuture(
          new NbdException(NbdError.EIO, "block " + block + " cannot be read"));
    }
    return path.hydrate(from, end, priority);
  }

  @Override
  public CompletableFuture<Void> hydrateZero(long from, long end) {
    return path.hydrateZero(from, end);
  }

  @Override
  public CompletableFuture<Void> settle() {
    return path.settle();
  }

  @Override
  public long roundTripNanos() {
    return path.roundTripNanos();
  }
}
