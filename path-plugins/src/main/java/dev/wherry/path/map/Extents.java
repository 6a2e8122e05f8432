package dev.wherry.path.map;

import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The extents of which the journal says that blocks recorded there as the same may differ: after a
 * crash all of those do. Each knows for which of its blocks that is so. With the map's lock.
 */
final class Extents {
  /** As many may be active before the oldest is brought to rest. */
  static final int MOST = 512;

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

  /** Adds records that bring the oldest to rest, so many as are too many. */
  void rest(int most, Records records) {
    surplus(most).forEach(e -> rest(e.getKey(), e.getValue().differs, records));
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
  void rested(int most) {
    List<Long> rested = surplus(most).map(Map.Entry::getKey).toList();
    rested.forEach(active::remove);
  }

  private Stream<Map.Entry<Long, Active>> surplus(int most) {
    return active.entrySet().stream()
        .filter(e -> e.getValue().waiting == 0)
        .limit(Math.max(0, active.size() - most));
  }

  List<Long> list() {
    return List.copyOf(active.keySet());
  }

  private long last(long end) {
    return (end - 1) / geometry.blocksPerExtent();
  }
}
