package dev.wherry.path.link;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;

/**
 * Finds zeroes in payloads, so that they go as lengths. Data shows in its first eight bytes as a
 * rule that it is not zero, so looking costs next to nothing.
 */
final class Zeroes {
  /** The grain at which zeroes are looked for, in bytes. */
  static final int GRAIN = 4096;

  private static final ByteBuffer NOTHING = ByteBuffer.allocateDirect(GRAIN);

  private Zeroes() {}

  /** The length of the zeroes that begin at {@code index}, in whole grains or up to the end. */
  static int run(ByteBuf data, int index) {
    int end = data.writerIndex();
    int at = index;
    while (at < end) {
      int n = Math.min(GRAIN, end - at);
      if (!isZero(data, at, n)) {
        break;
      }
      at += n;
    }
    return at - index;
  }

  /** The length of what begins at {@code index} and is not zero, at most {@code max} bytes. */
  static int dataRun(ByteBuf data, int index, int max) {
    int end = (int) Math.min(data.writerIndex(), (long) index + max);
    int at = Math.min(end, index + GRAIN);
    while (at < end && !isZero(data, at, Math.min(GRAIN, data.writerIndex() - at))) {
      at = Math.min(end, at + GRAIN);
    }
    return at - index;
  }

  private static boolean isZero(ByteBuf data, int index, int length) {
    if (length >= 8 && data.getLong(index) != 0) {
      return false;
    }
    return data.nioBuffer(index, length).mismatch(NOTHING.slice(0, length)) == -1;
  }
}
