package dev.wherry.path.link;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.function.LongSupplier;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
import org.jspecify.annotations.Nullable;

/**
 * Decides for each piece whether LZ4 pays: where the data looks compressible and the time that the
 * socket would have us wait for the bytes saved is more than the time that compression takes.
 *
 * <p>The first is found by a sample: the first 4 KiB of a piece. While samples are bad, ever more
 * pieces go without one. The second is measured: how long the connection was blocked per byte that
 * it took, while there was more to send. A path that never blocks never compresses.
 */
final class Compression {
  private static final int SAMPLE = 4096;

  /** A sample is good if it shrinks to this, in 1/256. */
  private static final int GOOD = 216;

  private static final int MOST_SKIPPED = 64;

  /** How much is sent between two looks at the path, in bytes. */
  private static final long LOOK = 1 << 20;

  /** What a path is taken for that is not known yet and not the loopback: 1 Gbit/s. */
  private static final double UNKNOWN = 8;

  /** What the other side needs, in parts of what this one needs. */
  private static final double THERE = 1.6;

  /** What the loopback must block for; below, it is the processor that is short. */
  private static final double LOOPBACK = 4;

  private final boolean enabled;
  private final LongSupplier nanoClock;
  private final LZ4Compressor lz4 = LZ4Factory.fastestInstance().fastCompressor();

  private final double least;

  /** Nanoseconds that the connection blocks per byte. */
  private double blocks;

  /** Nanoseconds that compression of a byte takes, and what is saved of it; moving averages. */
  private double takes = 0.5;

  private double saves = 0.5;

  private int skip;
  private int skipped;
  private long blockedSince;
  private long blockedFor;
  private long sent;

  /**
   * @param loopback whether the other side is on this machine
   */
  Compression(boolean enabled, boolean loopback, LongSupplier nanoClock) {
    this.enabled = enabled;
    this.nanoClock = nanoClock;
    this.blocks = loopback ? 0 : UNKNOWN;
    this.least = loopback ? LOOPBACK : 0;
  }

  void sent(int bytes) {
    sent += bytes;
  }

  /** There is more to send than the socket takes. */
  void blocked() {
    if (blockedSince == 0) {
      blockedSince = nanoClock.getAsLong() | 1;
    }
  }

  void unblocked() {
    if (blockedSince != 0) {
      blockedFor += Math.max(0, nanoClock.getAsLong() - blockedSince);
      blockedSince = 0;
    }
    if (sent >= LOOK) {
      blocks += ((double) blockedFor / sent - blocks) / 4;
      blockedFor = 0;
      sent = 0;
    }
  }

  /** Nothing is left to send: what was sent since the last look says nothing of the path. */
  void idle() {
    if (sent >= LOOK) {
      unblocked();
    } else if (blockedFor == 0) {
      sent = 0;
    }
  }

  /** The piece compressed, for the caller to release; or null if it goes as it is. */
  @Nullable ByteBuf tryCompress(ByteBuf data, int index, int length, ByteBufAllocator alloc) {
    if (!enabled || length < SAMPLE || blocks < least || blocks * saves < takes * THERE) {
      return null;
    }
    if (skipped < skip) {
      skipped++;
      return null;
    }
    skipped = 0;
    ByteBuf out = alloc.directBuffer(lz4.maxCompressedLength(length));
    if (length > SAMPLE && compress(data, index, SAMPLE, out) > SAMPLE * GOOD / 256) {
      return bad(out);
    }
    long begun = nanoClock.getAsLong();
    int n = compress(data, index, length, out);
    double spent = (double) (nanoClock.getAsLong() - begun) / length;
    takes += (Math.min(spent, 10) - takes) / 16;
    if (n > length * GOOD / 256) {
      return bad(out);
    }
    skip = 0;
    saves += ((double) (length - n) / length - saves) / 16;
    return out.writerIndex(n);
  }

  private @Nullable ByteBuf bad(ByteBuf out) {
    out.release();
    skip = Math.min(MOST_SKIPPED, skip * 2 + 1);
    return null;
  }

  private int compress(ByteBuf data, int index, int length, ByteBuf out) {
    ByteBuffer to = out.nioBuffer(0, out.capacity());
    return lz4.compress(data.nioBuffer(index, length), 0, length, to, 0, to.remaining());
  }
}
