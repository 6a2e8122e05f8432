package dev.wherry.nbd.server;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;

/**
 * Finds zeroes in data that is about to be sent, so that they go as holes. Data that is not zero
 * shows it in its first eight bytes as a rule, so looking costs next to nothing.
 */
final class ZeroRuns {
  /** The grain at which runs are looked for, in bytes. */
  static final int BLOCK = 4096;

  /** Shorter runs of zeroes are sent as data: a chunk of its own costs the client more. */
  static final int SHORTEST = 32 << 10;

  private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(64 << 10);

  private ZeroRuns() {}

  /** Whether all of the range is zero. */
  static boolean isZero(ByteBuf data, int index, int length) {
    if (length >= 8 && data.getLong(index) != 0) {
      return false;
    }
    for (int at = 0; at < length; at += ZEROES.capacity()) {
      int n = Math.min(ZEROES.capacity(), length - at);
      if (data.nioBuffer(index + at, n).mismatch(ZEROES.slice(0, n)) != -1) {
        return false;
      }
    }
    return true;
  }

  /**
   * The end of the run that begins at {@code from}, all relative to the reader index: a run of
   * zeroes of at least {@link #SHORTEST} bytes, or what lies before the next such run. If all of it
   * is zeroes, {@link #BLOCK} bytes are enough.
   *
   * @return the run's end, negated if it is zeroes
   */
  static int runEnd(ByteBuf data, int from) {
    int length = data.readableBytes();
    int zeroes = zeroesEnd(data, from);
    boolean all = from == 0 && zeroes == length && length >= BLOCK;
    if (all || zeroes - from >= SHORTEST) {
      return -zeroes;
    }
    int at = Math.max(zeroes, from + BLOCK);
    while (at < length) {
      int end = zeroesEnd(data, at);
      if (end - at >= SHORTEST) {
        return at;
      }
      at = Math.max(end, at + BLOCK);
    }
    return length;
  }

  private static int zeroesEnd(ByteBuf data, int from) {
    int length = data.readableBytes();
    int at = from;
    while (at < length && isZero(data, data.readerIndex() + at, Math.min(BLOCK, length - at))) {
      at = Math.min(length, at + BLOCK);
    }
    return at;
  }
}
