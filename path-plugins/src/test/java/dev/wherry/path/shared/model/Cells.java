package dev.wherry.path.shared.model;

import io.netty.buffer.ByteBuf;

/**
 * The volume cut into cells: the unit of requests, of what a crash tears, and of what is judged. A
 * cell that was written says by which request; so what a read finds needs no copy to compare with.
 *
 * <pre>
 *   stamp (4) | cell (4) | bytes that follow from both ...        all zeroes: stamp 0
 * </pre>
 */
final class Cells {
  /** A cell that is none of what was ever written. */
  static final int TORN = -1;

  private static final int UNIT = 256;
  private static final int LEAST = 16;

  private final int size;
  private final int shift;
  private final int count;

  /**
   * @param size of the volume in bytes
   * @param shift bytes by which cells lie off the sectors, 0 or 16 to 255
   */
  Cells(int size, int shift) {
    this.size = size;
    this.shift = shift;
    int full = (size - shift) / UNIT;
    int rest = (size - shift) % UNIT;
    this.count = (shift > 0 ? 1 : 0) + full + (rest >= LEAST ? 1 : 0);
  }

  int count() {
    return count;
  }

  int size() {
    return size;
  }

  /** Offset of the cell's first byte. */
  int start(int cell) {
    if (cell >= count) {
      return size;
    }
    if (shift == 0) {
      return cell * UNIT;
    }
    return cell == 0 ? 0 : shift + (cell - 1) * UNIT;
  }

  /** Offset of the first byte behind the cell. */
  int end(int cell) {
    return start(cell + 1);
  }

  /** Whether a page ends within the cell, so that a crash may leave a part of it. */
  boolean straddles(int cell) {
    return start(cell) / 4096 != (end(cell) - 1) / 4096;
  }

  /** The cell that a byte is in. */
  int at(long offset) {
    int at = (int) offset;
    int cell = at < shift ? 0 : (at - shift) / UNIT + (shift > 0 ? 1 : 0);
    return Math.min(cell, count - 1);
  }

  private static long mix(int stamp, int cell, int index) {
    long x = (stamp * 0x9E3779B97F4A7C15L) ^ (cell * 0xC2B2AE3D27D4EB4FL) ^ index;
    x = (x ^ (x >>> 31)) * 0xBF58476D1CE4E5B9L;
    return x ^ (x >>> 29);
  }

  /** Puts the cell's content at {@code index}. */
  void fill(byte[] into, int index, int cell, int stamp) {
    int length = end(cell) - start(cell);
    if (stamp == 0) {
      java.util.Arrays.fill(into, index, index + length, (byte) 0);
      return;
    }
    for (int i = 0; i < length; i++) {
      into[index + i] = (byte) (word(stamp, cell, i >> 3) >>> (8 * (i & 7)));
    }
  }

  private static long word(int stamp, int cell, int index) {
    return index == 0 ? (stamp & 0xFFFFFFFFL) | ((long) cell << 32) : mix(stamp, cell, index);
  }

  /** Whose content it is: a stamp, 0 or {@link #TORN}. */
  int stamp(ByteBuf data, int index, int cell) {
    int length = end(cell) - start(cell);
    int stamp = data.getIntLE(index);
    int words = length >> 3;
    for (int i = 0; i < words; i++) {
      if (data.getLongLE(index + 8 * i) != (stamp == 0 ? 0 : word(stamp, cell, i))) {
        return TORN;
      }
    }
    for (int i = words << 3; i < length; i++) {
      byte expected = stamp == 0 ? 0 : (byte) (word(stamp, cell, i >> 3) >>> (8 * (i & 7)));
      if (data.getByte(index + i) != expected) {
        return TORN;
      }
    }
    return stamp;
  }
}
