package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.path.map.BlockMap;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * What a store says of its blocks without reading them: which are here, which differ from the
 * source, which read as zeroes. Safe on any thread; never blocks, but walks the whole map where
 * runs are asked for.
 */
final class Inventory {
  private final Layers layers;

  Inventory(Layers layers) {
    this.layers = layers;
  }

  /** Whether it is known of all of these blocks that they may differ from the source. */
  boolean differs(long first, long end) {
    BlockMap m = layers.map();
    for (long b = first; m != null && b < end; b = m.runEnd(b, end)) {
      int state = m.state(b);
      if (state != BlockMap.NEWER && state != BlockMap.ZERO) {
        return false;
      }
    }
    return true;
  }

  /** The runs of blocks that may differ from the source; all, where there is no map. */
  List<Run> dirty() {
    BlockMap m = layers.map();
    return m == null
        ? List.of(new Run(0, layers.blocks()))
        : runs(m, BlockMap.NEWER, BlockMap.ZERO);
  }

  /** Whether a block is not here. */
  boolean isMissingAny() {
    BlockMap m = layers.map();
    return m != null && m.here() < m.blocks();
  }

  /** The runs of blocks of which the map alone may know that they read as zeroes. */
  List<Run> zeroes(BlockMap m) {
    return runs(m, BlockMap.ZERO, BlockMap.ZERO);
  }

  /** The runs of blocks in one of two states. */
  private static List<Run> runs(BlockMap m, int oneState, int otherState) {
    List<Run> runs = new ArrayList<>();
    for (long b = 0; b < m.blocks(); ) {
      long to = m.runEnd(b, m.blocks());
      int state = m.state(b);
      if (state == oneState || state == otherState) {
        Run.append(runs, b, to);
      }
      b = to;
    }
    return runs;
  }

  /**
   * Which parts read as zeroes, from {@code offset} on: {@link Extent#ZERO}.
   *
   * @param asker as for {@link NodeReads#fetch}; empty for hosts
   */
  CompletableFuture<List<Extent>> extents(String asker, long offset, long length, int most) {
    BlockMap m = layers.map();
    if (m == null) {
      return layers.device().status(Extent.BASE_ALLOCATION, offset, length, most);
    }
    long block = offset / layers.blockSize();
    int state = m.state(block);
    long run = layers.runStop(m, state, offset, offset + length) - offset;
    if (run == 0) {
      return extents(asker, offset, length, most); // It has changed just now.
    }
    Source from = layers.sourceFor(asker);
    return switch (state) {
      case BlockMap.ZERO ->
          CompletableFuture.completedFuture(List.of(new Extent(run, Extent.HOLE | Extent.ZERO)));
      case BlockMap.NOT_HERE ->
          from == null || from.describe().equals(asker) || !layers.policies().at(block).isFetched()
              ? CompletableFuture.completedFuture(List.of(new Extent(run, 0)))
              : from.extents(offset, run)
                  .thenCompose(
                      found -> {
                        // What has come here meanwhile may be newer: see HostReads.
                        long still =
                            layers.runStop(m, BlockMap.NOT_HERE, offset, offset + run) - offset;
                        return still == 0
                            ? extents(asker, offset, length, most)
                            : CompletableFuture.completedFuture(first(still, found));
                      });
      default -> layers.device().status(Extent.BASE_ALLOCATION, offset, run, most);
    };
  }

  /** What extents say of the first bytes, as far as they go. */
  private static List<Extent> first(long bytes, List<Extent> extents) {
    List<Extent> kept = new ArrayList<>(extents.size());
    long left = bytes;
    for (Extent e : extents) {
      if (left > 0) {
        kept.add(e.length() <= left ? e : new Extent(left, e.flags()));
      }
      left -= Math.min(left, e.length());
    }
    return kept;
  }

  /** The state of blocks as {@code wherry:state} shows it. */
  List<Extent> states(long offset, long length, int most) {
    BlockMap m = layers.map();
    if (m == null) {
      return List.of(new Extent(length, 0));
    }
    List<Extent> extents = new ArrayList<>();
    long stop = offset + length;
    for (long at = offset; at < stop && extents.size() < most; ) {
      int state = m.state(at / layers.blockSize());
      long to = layers.runStop(m, state, at, stop);
      if (to > at) {
        extents.add(new Extent(to - at, BlockState.flags(state)));
      }
      at = to;
    }
    return extents;
  }
}
