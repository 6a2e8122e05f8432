package dev.wherry.path.concat;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Which part holds which bytes. Fixed, but for the end of the last part. */
final class Layout {
  /**
   * The piece of a request that lies in one part.
   *
   * @param part the part's number
   * @param at offset in the part, in bytes
   * @param from offset in the request, in bytes
   * @param length in bytes, more than 0
   */
  record Piece(int part, long at, long from, long length) {}

  private final long[] starts;

  private Layout(long[] starts) {
    this.starts = starts;
  }

  static Layout of(List<BlockDevice> parts) {
    int block = parts.stream().mapToInt(p -> p.info().minBlock()).max().orElse(1);
    long[] starts = new long[parts.size()];
    long at = 0;
    for (int i = 0; i < starts.length; i++) {
      BlockDevice part = parts.get(i);
      long size = part.info().size();
      if (size % block != 0) {
        throw new DeviceException(
            DeviceException.Reason.UNSUITABLE,
            "%s: its size %d must be a multiple of %d, the largest block of the devices"
                .formatted(part.describe(), size, block));
      }
      starts[i] = at;
      at = Math.addExact(at, size);
    }
    return new Layout(starts);
  }

  long startOf(int part) {
    return starts[part];
  }

  /** The part that holds the byte at {@code offset}. */
  int partAt(long offset) {
    int found = Arrays.binarySearch(starts, offset);
    if (found < 0) {
      return -found - 2;
    }
    // Empty parts start where the next one does.
    while (found + 1 < starts.length && starts[found + 1] == offset) {
      found++;
    }
    return found;
  }

  /** Where the part ends; the last one has no end here. */
  long endOf(int part) {
    return part + 1 < starts.length ? starts[part + 1] : Long.MAX_VALUE;
  }

  boolean inOnePart(long offset, long length) {
    return offset + length <= endOf(partAt(offset));
  }

  /** The pieces of a range, in order. */
  List<Piece> pieces(long offset, long length) {
    List<Piece> pieces = new ArrayList<>();
    long at = offset;
    long end = offset + length;
    while (at < end) {
      int part = partAt(at);
      long to = Math.min(end, endOf(part));
      pieces.add(new Piece(part, at - starts[part], at - offset, to - at));
      at = to;
    }
    return pieces;
  }
}
