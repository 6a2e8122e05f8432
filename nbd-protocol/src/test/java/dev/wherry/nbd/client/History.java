package dev.wherry.nbd.client;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What was done to one block and seen of it, and whether that can be explained by doing one thing
 * after the other (linearizability). As every write has a value of its own, it is known which write
 * each read saw. All that happened to one value, its write and its reads, makes a zone from the
 * first of their ends to the last of their beginnings (Gibbons and Korach, "Testing shared
 * memories", 1997): forward if it begins before it ends. A history can be explained if and only if
 * no two forward zones overlap and none contains a backward one.
 */
final class History {
  private static final class Zone {
    long firstEnd = Long.MAX_VALUE;
    long lastBegin = Long.MIN_VALUE;
    long writeBegin = Long.MIN_VALUE;

    /** Long.MAX_VALUE while it is not answered. */
    long writeEnd = Long.MAX_VALUE;

    boolean forward() {
      return firstEnd < lastBegin;
    }
  }

  private final Map<Long, Zone> zones = new HashMap<>();

  /** A block that held {@code initial} before everything else. */
  History(long initial) {
    writeBegins(initial, -2);
    writeEnds(initial, -1);
  }

  void writeBegins(long value, long now) {
    Zone zone = new Zone();
    zone.writeBegin = now;
    zone.lastBegin = now;
    if (zones.put(value, zone) != null) {
      throw new IllegalStateException("value " + value + " twice");
    }
  }

  void writeEnds(long value, long now) {
    Zone zone = zones.get(value);
    zone.writeEnd = now;
    zone.firstEnd = Math.min(zone.firstEnd, now);
  }

  void read(long value, long begin, long end) {
    Zone zone = zones.get(value);
    if (zone == null || zone.writeBegin > end) {
      throw new AssertionError("read " + value + ", which was never written");
    }
    zone.firstEnd = Math.min(zone.firstEnd, end);
    zone.lastBegin = Math.max(zone.lastBegin, begin);
  }

  /** A disk that holds {@code value} when a flush that began at {@code flushBegin} has ended. */
  void durable(long value, long flushBegin) {
    Zone held = zones.get(value);
    if (held == null) {
      throw new AssertionError("the disk holds " + value + ", which was never written");
    }
    for (Map.Entry<Long, Zone> e : zones.entrySet()) {
      Zone other = e.getValue();
      if (other != held && other.writeEnd < flushBegin && held.writeEnd < other.writeBegin) {
        throw new AssertionError(
            "flushed, but the disk holds " + value + ", which is older than " + e.getKey());
      }
    }
  }

  void check() {
    List<Map.Entry<Long, Zone>> all = new ArrayList<>(zones.entrySet());
    for (Map.Entry<Long, Zone> a : all) {
      Zone f = a.getValue();
      if (!f.forward()) {
        continue;
      }
      for (Map.Entry<Long, Zone> b : all) {
        Zone o = b.getValue();
        if (o == f) {
          continue;
        }
        // For two forward zones: they overlap; for a backward one: it lies within.
        boolean bad = f.firstEnd < o.lastBegin && o.firstEnd < f.lastBegin;
        if (bad) {
          throw new AssertionError("reads went back in time: " + a.getKey() + " and " + b.getKey());
        }
      }
    }
  }
}
