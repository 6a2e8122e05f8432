package dev.wherry.path.shared;

import dev.wherry.path.map.BlockMap;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What changes between a taker's PREPARE and its HANDOVER, at the owner. It takes note of a change
 * of state alone: where a block is newer already, more writes to it are no news.
 *
 * @param to the taker
 * @param number of its try
 * @param returned as in {@link Differences}
 * @param map that is watched, or null
 * @param session of the marks that are watched, where not returned
 */
record Prepared(
    String to,
    long number,
    boolean returned,
    @Nullable BlockMap map,
    long session,
    BlockSet changed) {
  /** Runs that the answer to HANDOVER may have, while the hosts of two nodes wait for it. */
  private static final int MOST = 262_144;

  /** Bytes that the notes may take before they are given up. */
  private static final long MOST_MEMORY = 16 << 20;

  static Prepared begin(
      String to, long number, long session, boolean returned, LayeredStore store, Marks marks) {
    BlockSet changed = new BlockSet(MOST_MEMORY);
    BlockMap map = store.map();
    if (returned && map != null) {
      map.watch(changed::add);
    } else if (!returned) {
      marks.watch(to, session, changed);
    }
    return new Prepared(to, number, returned, map, session, changed);
  }

  void end(Marks marks) {
    if (returned && map != null) {
      map.watch(null);
    } else if (!returned) {
      marks.unwatch(to, session, changed);
    }
  }

  /** The answer to the taker that prepared; nothing changes any more. */
  HandoverAnswer answer(ShareState s, long blocks, Marks marks) {
    if (!returned && session != 0 && !marks.isWatched(to, session, changed)) {
      return incomplete(returned, s);
    }
    if (changed.overflowed()) {
      return incomplete(returned, s);
    }
    List<Run> runs = changed.runs(blocks);
    if (runs.size() > MOST) {
      return incomplete(returned, s);
    }
    if (!returned || map == null) {
      return new HandoverAnswer(returned, true, s.members(), runs, List.of(), s.losses());
    }
    List<Run> dirty = new ArrayList<>();
    List<Run> same = new ArrayList<>();
    for (Run r : runs) {
      for (long at = r.from(); at < r.end(); ) {
        long end = map.runEnd(at, r.end());
        Run.append(map.state(at) == BlockMap.SAME ? same : dirty, at, end);
        at = end;
      }
    }
    return new HandoverAnswer(true, true, s.members(), dirty, same, s.losses());
  }

  static HandoverAnswer incomplete(boolean returned, ShareState s) {
    return new HandoverAnswer(returned, false, s.members(), List.of(), List.of(), s.losses());
  }
}
