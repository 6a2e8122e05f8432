package dev.wherry.path.map;

import java.io.IOException;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * What is in memory of a map: the state of each block, and what its file has of it unconditionally
 * where that is not the same for good.
 *
 * <pre>
 *   pending          the file has                              durable()
 *   SETTLED     0    the state (or SAME in an active extent)   if here
 *   OVER_NONE   1    NOT_HERE                                  no
 *   OVER_HERE   2    SAME or NEWER, perhaps not forced yet     no
 *   OVER_ZERO   3    ZERO, perhaps not forced yet              no
 * </pre>
 *
 * <p>Changes are made with the map's lock, which is this object.
 */
final class States {
  static final int SETTLED = 0;
  static final int OVER_NONE = 1;
  static final int OVER_HERE = 2;
  static final int OVER_ZERO = 3;

  /** Makes pages. */
  interface Maker {
    Pages pages(Slabs slabs, long size);
  }

  final Geometry geometry;
  final Pages live;
  final Pages pending;
  private BlockMap.@Nullable Watcher watcher;

  /** What became of blocks while a commit runs, see {@link Commits}. */
  final Pages touched;

  private final Slabs lasting = new Slabs();

  /** Of what a commit settles: it comes and goes together. */
  private final Slabs passing = new Slabs();

  States(Geometry geometry) {
    this(geometry, Pages::new);
  }

  States(Geometry geometry, Maker maker) {
    this.geometry = geometry;
    this.live = maker.pages(lasting, geometry.blocks());
    this.pending = maker.pages(passing, geometry.blocks());
    this.touched = maker.pages(passing, geometry.blocks());
  }

  /** With the lock: has the memory given back of what is no longer used, if that is much. */
  void trim(Executor worker) {
    trim(lasting, worker);
    trim(passing, worker);
  }

  private void trim(Slabs slabs, Executor worker) {
    int[] pages = slabs.surplus();
    if (pages.length > 0) {
      worker.execute(
          () -> {
            slabs.punch(pages);
            synchronized (this) {
              slabs.cooled(pages);
            }
          });
    }
  }

  /** Bytes of memory outside the heap. */
  long taken() throws IOException {
    synchronized (this) {
      return lasting.taken() + passing.taken();
    }
  }

  /** Sets the state of blocks. */
  void set(long from, long end, int state) {
    live.fill(from, end, state);
    BlockMap.Watcher w = watcher;
    if (w != null) {
      w.changed(from, end);
    }
  }

  void watch(BlockMap.@Nullable Watcher value) {
    watcher = value;
  }

  /** What a checkpoint has of the block: what holds without its intents. */
  int base(long block) {
    return switch (pending.get(block)) {
      case SETTLED -> live.get(block);
      case OVER_NONE -> BlockMap.NOT_HERE;
      case OVER_HERE -> BlockMap.NEWER;
      default -> BlockMap.ZERO;
    };
  }

  /** Where neither the state nor what is pending changes, {@code end} at most. */
  long runEnd(long from, long end) {
    return pending.runEnd(from, live.runEnd(from, end));
  }

  /** Is the block recorded, or may it be, as the same as in the source? */
  boolean recordedSame(long block) {
    int recorded = pending.get(block);
    return live.get(block) == BlockMap.SAME && (recorded == SETTLED || recorded == OVER_HERE);
  }

  /** Does a write to the block need hashes? */
  boolean needsHashes(long block) {
    return !recordedSame(block)
        && (live.get(block) != BlockMap.NEWER || pending.get(block) != SETTLED);
  }

  /** See {@link BlockMap#settled}. */
  boolean settled(long from, long end) {
    return pending.nextOther(SETTLED, from, end) >= end
        && live.nextOther(BlockMap.NEWER, from, end) >= end;
  }
}
