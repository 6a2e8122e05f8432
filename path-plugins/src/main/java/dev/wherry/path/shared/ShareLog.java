package dev.wherry.path.shared;

import dev.wherry.path.map.BlockMap;
import java.util.concurrent.CompletableFuture;

/** The durable memory of a shared volume on this node: its state and its maps. Never blocks. */
public interface ShareLog {
  /**
   * Replaces the state, durably. Where there is no room for it, it fails as a map does: with a
   * {@linkplain dev.wherry.nbd.NbdException#isHarmless harmless} ENOSPC. Nothing has changed then,
   * and it may be put again.
   */
  CompletableFuture<Void> put(ShareState state);

  /**
   * Makes a map, durably, with all blocks in one state. A map that no state refers to is removed at
   * the next start.
   *
   * @param number more than 0 and not used before
   * @param state {@link BlockMap#NOT_HERE} or {@link BlockMap#SAME}
   */
  CompletableFuture<BlockMap> create(long number, int state);

  /** Removes a map, closed before, that no state refers to any more. */
  CompletableFuture<Void> remove(long number);
}
