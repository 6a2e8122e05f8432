package dev.wherry.nbd.server;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import org.jspecify.annotations.Nullable;

/**
 * Puts the payload of one request together from what the socket brings. Memory is taken as bytes
 * arrive: large pieces are kept as they are, small ones are copied into chunks, so that what is
 * held is never much more than what has arrived.
 */
final class PayloadGatherer {
  private static final int CHUNK = 128 << 10;

  private @Nullable CompositeByteBuf parts;
  private @Nullable ByteBuf tail;
  private int length;
  private int arrived;
  private int paid;

  void begin(int payloadLength) {
    length = payloadLength;
    arrived = 0;
    paid = 0;
    parts = PooledByteBufAllocator.DEFAULT.compositeDirectBuffer(Integer.MAX_VALUE);
  }

  int missing() {
    return length - arrived;
  }

  /** The bytes of memory that {@code n} more bytes of payload will cost. */
  int price(int n) {
    return Math.max(0, arrived + n - paid);
  }

  int paid() {
    return paid;
  }

  /** Takes {@code n} bytes from {@code in}, for which {@code price} was granted. */
  void add(ByteBuf in, int n, int price) {
    CompositeByteBuf whole = parts;
    if (whole == null) {
      throw new IllegalStateException("no payload has begun");
    }
    paid += price;
    arrived += n;
    ByteBuf last = tail;
    if (last == null && n >= in.capacity() / 2) {
      whole.addComponent(true, in.readRetainedSlice(n));
      return;
    }
    int left = n;
    while (left > 0) {
      if (last == null) {
        int size = Math.min(Math.min(CHUNK, Math.max(4096, arrived)), length - arrived + left);
        last = PooledByteBufAllocator.DEFAULT.directBuffer(size, size);
        tail = last;
      }
      int some = Math.min(left, last.writableBytes());
      last.writeBytes(in, some);
      left -= some;
      if (!last.isWritable()) {
        whole.addComponent(true, last);
        tail = null;
        last = null;
      }
    }
  }

  /** The whole payload, which is then the caller's. */
  ByteBuf take() {
    CompositeByteBuf whole = parts;
    if (whole == null || arrived != length) {
      throw new IllegalStateException("payload has " + arrived + " of " + length + " bytes");
    }
    parts = null;
    if (whole.numComponents() == 1) {
      ByteBuf only = whole.componentSlice(0).retain();
      whole.release();
      return only;
    }
    return whole;
  }

  /** Forgets what has arrived. Returns what was paid for it. */
  int drop() {
    if (tail != null) {
      tail.release();
      tail = null;
    }
    if (parts == null) {
      return 0;
    }
    parts.release();
    parts = null;
    return paid;
  }
}
