package dev.wherry.nbd.client;

import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The ranges of the writes, zeroes and trims that were sent and are not answered. They are
 * disjoint: whoever touches one of them waits, nobody else does.
 */
final class Overlaps {
  private final TreeMap<Long, Command> held = new TreeMap<>();

  /** A command whose range {@code c} touches, or null. */
  @Nullable Command find(Command c) {
    if (held.isEmpty()) {
      return null;
    }
    // Of disjoint ranges that start before our end, the last one reaches the farthest.
    Map.Entry<Long, Command> last = held.lowerEntry(c.offset + c.length);
    if (last == null) {
      return null;
    }
    Command other = last.getValue();
    return other.offset + other.length > c.offset ? other : null;
  }

  void hold(Command c) {
    if (held.put(c.offset, c) != null) {
      throw new IllegalStateException("two changes in flight at " + c.offset);
    }
  }

  void release(Command c) {
    if (!held.remove(c.offset, c)) {
      throw new IllegalStateException("no change in flight at " + c.offset);
    }
  }

  int size() {
    return held.size();
  }
}
