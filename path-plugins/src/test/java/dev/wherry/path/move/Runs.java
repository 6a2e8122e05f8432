package dev.wherry.path.move;

import java.util.Map;
import java.util.TreeMap;

/** A set of blocks, kept as runs. */
final class Runs {
  private final TreeMap<Long, Long> runs = new TreeMap<>();
  private long size;

  long size() {
    return size;
  }

  void add(long from, long end) {
    remove(from, end);
    Map.Entry<Long, Long> before = runs.floorEntry(from);
    size += end - from;
    long first = from;
    if (before != null && before.getValue() == from) {
      first = before.getKey();
    }
    Long after = runs.remove(end);
    runs.put(first, after == null ? end : after);
  }

  void remove(long from, long end) {
    Map.Entry<Long, Long> e = runs.floorEntry(from);
    if (e == null || e.getValue() <= from) {
      e = runs.higherEntry(from);
    }
    while (e != null && e.getKey() < end) {
      long f = e.getKey();
      long l = e.getValue();
      runs.remove(f);
      size -= Math.min(l, end) - Math.max(f, from);
      if (f < from) {
        runs.put(f, from);
      }
      if (l > end) {
        runs.put(end, l);
      }
      e = runs.higherEntry(f);
    }
  }

  /** The first block of the set from there on, or -1. */
  long next(long from) {
    Map.Entry<Long, Long> e = runs.floorEntry(from);
    if (e != null && e.getValue() > from) {
      return from;
    }
    Long higher = runs.higherKey(from);
    return higher == null ? -1 : higher;
  }

  /** The end of the run that {@code from} is in. */
  long end(long from) {
    Map.Entry<Long, Long> e = runs.floorEntry(from);
    return e != null && e.getValue() > from ? e.getValue() : from;
  }
}
