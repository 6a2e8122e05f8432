package dev.wherry.path.map;

import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The extents of which the journal says that blocks recorded there as the same may differ: after a
 * crash all of those do. Each knows for which of its blocks that is so. With the map's lock.
 */
final class Extents {
  private static final class Active {
    final BitSet differs = new BitSet();
    boolean forced;

    /** Writers that wait until it is forced: until then the states do not know that they differ. */
    int waiting;
  }

  private final Map<Long, Active> active = new LinkedHashMap<>();
  private final Geometry geometry;
  private final long blocks;

  Extents(Geometry geometry) {
    this.geometry = geometry;
    this.blocks = geometry.blocks();
  }

  /** Is that durable for the whole range? */
  boolean forced(long from, long end) {
    for (long e = from / geometry.blocksPerExtent(); e <= last(end); e++) {
      Active extent = active.get(e);
      if (extent == null || !extent.forced) {
        return false;
      }
    }
    return true;
  }

  /** Adds the records that a range needs. */
  void activate(long from, long end, Records records) {
    for (long e = from / geometry.blocksPerExtent(); e <= last(end); e++) {
      if (!active.containsKey(e)) {
        records.differ(e);
      }
    }
  }

  /** The records of {@link #activate} were appended. */
  void activated(long from, long end) {
    int per = geometry.blocksPerExtent();
    for (long e = from / per; e <= last(end); e++) {
      Active extent = active.computeIfAbsent(e, absent -> new Active());
      long start = e * per;
      extent.differs.set(
          (int) (Math.max(from, start) - start), (int) (Math.min(end, start + per) - start));
    }
  }

  /** Somebody waits until the range is forced; it stays active meanwhile. */
  void await(long from, long end) {
    for (long e = from / geometry.blocksPerExtent(); e <= last(end); e++) {
      extent(e).waiting++;
    }
  }

  /** The range is forced; the states know. */
  void awaited(long from, long end) {
    for (long e = from / geometry.blocksPerExtent(); e <= last(end); e++) {
      Active extent = extent(e);
      extent.waiting--;
      extent.forced = true;
    }
  }

  private Active extent(long number) {
    return Objects.requireNonNull(active.get(number));
  }

  /** The blocks were recorded anew, unconditionally. */
  void recorded(long from, long end) {
    int per = geometry.blocksPerExtent();
    if (last(end) - from / per > active.size()) {
      active.forEach((e, extent) -> clear(e * per, extent, from, end));
      return;
    }
    for (long e = from / per; e <= last(end); e++) {
      Active extent = active.get(e);
      if (extent != null) {
        clear(e * per, extent, from, end);
      }
    }
  }

  private void clear(long start, Active extent, long from, long end) {
    long low = Math.max(from, start);
    long high = Math.min(end, start + geometry.blocksPerExtent());
    if (low < high) {
      extent.differs.clear((int) (low - start), (int) (high - start));
    }
  }

  /** The oldest of those that are too many and can come to rest, but for those of a range. */
  List<Long> surplus(int most, long from, long end) {
    if (active.size() <= most) {
      return List.of();
    }
    long first = from / geometry.blocksPerExtent();
    return active.entrySet().stream()
        .filter(e -> e.getValue().waiting == 0)
        .map(Map.Entry::getKey)
        .filter(e -> e < first || e > last(end))
        .limit(active.size() - most)
        .toList();
  }

  /** Adds records that bring extents to rest. */
  void rest(List<Long> extents, Records records) {
    extents.forEach(e -> rest(e, extent(e).differs, records));
  }

  private void rest(long extent, BitSet differs, Records records) {
    long start = extent * geometry.blocksPerExtent();
    for (int from = differs.nextSetBit(0); from >= 0; ) {
      int end = differs.nextClearBit(from);
      records.set(start + from, Math.min(blocks, start + end), BlockMap.NEWER);
      from = differs.nextSetBit(end);
    }
    records.clean(extent);
  }

  /** The records of {@link #rest} were appended. */
  void rested(List<Long> extents) {
    extents.forEach(active::remove);
  }

  List<Long> list() {
    return List.copyOf(active.keySet());
  }

  private long last(long end) {
    return (end - 1) / geometry.blocksPerExtent();
  }
}
