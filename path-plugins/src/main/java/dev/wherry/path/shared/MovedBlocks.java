package dev.wherry.path.shared;

import dev.wherry.path.move.Hydrator;

/** The blocks of a store that a policy has come here in the background, as far as they are not. */
abstract class MovedBlocks implements Hydrator {
  final LayeredStore store;

  MovedBlocks(LayeredStore store) {
    this.store = store;
  }

  /** The first block from {@code from} to {@code end} that is not here, or {@code end}. */
  abstract long firstMissing(long from, long end);

  /** The first block after one that is not here, {@code from}, that is; or {@code end}. */
  abstract long firstHere(long from, long end);

  @Override
  public final int blockSize() {
    return store.blockSize();
  }

  @Override
  public final long blocks() {
    return store.blocks();
  }

  @Override
  public final long nextMissing(long from) {
    long end = blocks();
    for (long b = from; b < end; ) {
      long stop = store.policies().runEnd(b, end);
      if (store.policies().at(b).isMoved()) {
        long found = firstMissing(b, stop);
        if (found < stop) {
          return found;
        }
      }
      b = stop;
    }
    return end;
  }

  @Override
  public final long missingEnd(long from, long end) {
    return firstHere(from, store.policies().runEnd(from, end));
  }

  @Override
  public final long missing() {
    long count = 0;
    for (long b = nextMissing(0); b < blocks(); ) {
      long to = missingEnd(b, blocks());
      count += to - b;
      b = nextMissing(to);
    }
    return count;
  }
}
