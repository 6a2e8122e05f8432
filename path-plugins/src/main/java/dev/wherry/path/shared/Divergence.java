package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.path.map.BlockMap;
import java.util.concurrent.CompletableFuture;

/**
 * What only a fenced node may have: what is lost at most if its copy is discarded. Nobody compares
 * the two copies, so it is an upper bound: these blocks <em>may</em> differ from what the owner
 * has, or be the same.
 *
 * <p>Where the owner took over with the very store that is this node's source, it has all but what
 * differs from that here ({@link BlockMap#NEWER} and {@link BlockMap#ZERO}). Else no data that is
 * here is known to be anywhere else; what is a hole of the store holds none.
 *
 * @param blocks that may differ; {@code volume map} shows which
 * @param bytes that they span
 */
public record Divergence(long blocks, long bytes) {
  private static final long STEP = 1L << 36;
  private static final int EXTENTS_PER_STEP = 4096;

  private static Divergence of(LayeredStore store, long blocks) {
    return new Divergence(blocks, Math.min(store.size(), blocks * store.blockSize()));
  }

  /** What the map alone says, at once: more than there is, where a store has holes. */
  static Divergence atMost(Core core) {
    LayeredStore store = core.store();
    if (store == null) {
      return new Divergence(0, 0);
    }
    BlockMap map = store.map();
    return of(store, map == null ? store.blocks() : isTakenOver(core) ? map.dirty() : map.here());
  }

  private static boolean isTakenOver(Core core) {
    Successor by = core.state().successor();
    return by != null && by.source() == Successor.Source.TAKEN_OVER;
  }

  /**
   * Counts; no host changes the store meanwhile. Fails as the device does, or if the volume is
   * closed.
   */
  static CompletableFuture<Divergence> count(Core core) {
    LayeredStore store = core.store();
    if (store == null || isTakenOver(core)) {
      return CompletableFuture.completedFuture(atMost(core));
    }
    Walk walk = new Walk(core, store);
    return store.counted(() -> Steps.repeat(walk::step).thenApply(v -> of(store, walk.blocks)));
  }

  /** Over the blocks that are here, and the parts of the device that hold data. */
  private static final class Walk {
    private final Core core;
    private final LayeredStore store;
    private long at;
    private long blocks;

    /** Blocks before this one have been looked at, or counted. */
    private long next;

    Walk(Core core, LayeredStore store) {
      this.core = core;
      this.store = store;
    }

    CompletableFuture<Boolean> step() {
      if (core.isClosing()) {
        return CompletableFuture.failedFuture(new IllegalStateException("it is being closed"));
      }
      return store
          .device()
          .status(Extent.BASE_ALLOCATION, at, Math.min(STEP, store.size() - at), EXTENTS_PER_STEP)
          .thenApply(
              extents -> {
                for (Extent e : extents) {
                  if ((e.flags() & Extent.ZERO) == 0) {
                    data(at, at + e.length());
                  }
                  at += e.length();
                }
                return !extents.isEmpty() && at < store.size();
              });
    }

    private void data(long from, long to) {
      BlockMap map = store.map();
      long end = (to + store.blockSize() - 1) / store.blockSize();
      for (long b = Math.max(next, from / store.blockSize()); b < end; ) {
        long run = map == null ? end : map.runEnd(b, end);
        int state = map == null ? BlockMap.SAME : map.state(b);
        blocks += state == BlockMap.SAME || state == BlockMap.NEWER ? run - b : 0;
        b = run;
      }
      next = Math.max(next, end);
    }
  }

  @Override
  public String toString() {
    return "up to " + blocks + " blocks (" + bytes + " bytes) may be nowhere else";
  }
}
