package dev.wherry.nbd.client;

import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Which bytes of a read have come. Chunks may come in any order but never twice for one byte, and
 * in the end there must be no gap ("Structured reply chunk message").
 */
final class Coverage {
  /** More pieces than that are an attack on our memory, not an answer. */
  private static final int MAX_PIECES = 65536;

  private final int length;

  /** Everything below is there: the whole truth as long as chunks come in order. */
  private int prefix;

  /**
   * Pieces beyond the prefix, start to end, neither touching nor overlapping; null while there was
   * none.
   */
  private @Nullable TreeMap<Integer, Integer> pieces;

  Coverage(int length) {
    this.length = length;
  }

  /**
   * Takes a range.
   *
   * @return false if a part of it came before, lies outside, or there are too many pieces
   */
  boolean claim(long start, long count) {
    if (count <= 0 || start < prefix || count > length || start > length - count) {
      return false;
    }
    int from = (int) start;
    int to = (int) (start + count);
    if (from == prefix && pieces == null) {
      prefix = to;
      return true;
    }
    if (pieces == null) {
      pieces = new TreeMap<>();
    }
    Map.Entry<Integer, Integer> before = pieces.lowerEntry(to);
    if (before != null && before.getValue() > from) {
      return false;
    }
    if (before != null && before.getValue() == from) {
      from = before.getKey();
    }
    Integer joined = pieces.remove(to);
    if (joined != null) {
      to = joined;
    }
    if (from == prefix) {
      pieces.remove(from);
      prefix = to;
    } else {
      pieces.put(from, to);
    }
    return pieces.size() <= MAX_PIECES;
  }

  boolean isComplete() {
    return prefix == length;
  }
}
