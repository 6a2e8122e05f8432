package dev.wherry.path.map;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** A store of units, each with a number for its contents, and a cache that a power cut takes. */
final class VolatileStore {
  private record Write(int unit, int content, long order) {}

  final int[] units;
  final boolean[] touched;
  private final int[] medium;
  private final int[] lengths;
  private List<Write> cache = new ArrayList<>();
  private long order;
  private int torn = 1 << 30;

  VolatileStore(long size) {
    int count = (int) ((size + BlockMap.UNIT - 1) / BlockMap.UNIT);
    units = new int[count];
    touched = new boolean[count];
    medium = new int[count];
    lengths = new int[count];
    java.util.Arrays.fill(lengths, BlockMap.UNIT);
    lengths[count - 1] = (int) (size - (count - 1L) * BlockMap.UNIT);
  }

  static boolean isTorn(int content) {
    return content >= 1 << 30;
  }

  void write(int unit, int content) {
    units[unit] = content;
    touched[unit] = true;
    cache.add(new Write(unit, content, order++));
  }

  long now() {
    return order;
  }

  /** What was written before a moment is on the medium. */
  void flush(long before) {
    List<Write> left = new ArrayList<>();
    for (Write write : cache) {
      if (write.order < before) {
        medium[write.unit] = write.content;
      } else {
        left.add(write);
      }
    }
    cache = left;
  }

  void losePower(Random random) {
    int chance = random.nextInt(5);
    for (Write write : cache) {
      if (random.nextInt(4) < chance) {
        medium[write.unit] = random.nextInt(8) == 0 ? torn++ : write.content;
      }
    }
    cache = new ArrayList<>();
    System.arraycopy(medium, 0, units, 0, units.length);
  }

  int bytes(int unit) {
    return lengths[unit];
  }

  /** The bytes that a number stands for. */
  void put(int unit, int content, ByteBuffer into) {
    for (int i = 0; i < lengths[unit]; i += 4) {
      if (lengths[unit] - i >= 4) {
        into.putInt(content);
      } else {
        into.put(new byte[lengths[unit] - i]);
      }
    }
  }

  void read(long offset, ByteBuffer into) {
    for (int unit = (int) (offset / BlockMap.UNIT); into.hasRemaining(); unit++) {
      put(unit, units[unit], into);
    }
  }
}
