package dev.wherry.path.shared;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

/** Contents of volumes. */
final class Bytes {
  private Bytes() {}

  /** Bytes that no other seed makes. */
  static byte[] of(long seed, int length) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  /** A part of what {@link #of} makes. */
  static byte[] part(byte[] of, int from, int length) {
    return Arrays.copyOfRange(of, from, from + length);
  }

  /** A copy with other bytes at an offset. */
  static byte[] with(byte[] of, int at, byte[] other) {
    byte[] all = of.clone();
    System.arraycopy(other, 0, all, at, other.length);
    return all;
  }

  /** Takes what a read returned. */
  static byte[] take(ByteBuf data) {
    byte[] bytes = ByteBufUtil.getBytes(data);
    data.release();
    return bytes;
  }

  static byte[] take(CompletableFuture<ByteBuf> read) {
    return take(read.join());
  }

  /** On the heap: lent, with nothing to release. */
  static ByteBuf lend(byte[] bytes) {
    return Unpooled.wrappedBuffer(bytes);
  }
}
