package dev.wherry.nbd.server;

import dev.wherry.nbd.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.util.ReferenceCountUtil;
import java.util.ArrayDeque;
import java.util.Deque;

/** What came from the socket and was not decoded yet; owned. Event loop. */
final class Unread {
  private static final int MOST = 64;

  private final Deque<ByteBuf> buffers = new ArrayDeque<>();

  /** Takes what was read. */
  void add(ByteBuf in) {
    buffers.add(in);
  }

  /**
   * Decodes until nothing is left, or the decoder takes no more. It may have to go on by itself.
   */
  void decode(RequestDecoder decoder) {
    ByteBuf in = buffers.peek();
    do {
      decoder.decode(in == null ? Unpooled.EMPTY_BUFFER : in);
      if (in == null || in.isReadable()) {
        break;
      }
      buffers.remove().release();
      in = buffers.peek();
    } while (in != null);
  }

  /** A guess at how many requests the bytes in hand still hold, 1 to 64. */
  int likelyRequests() {
    ByteBuf in = buffers.peek();
    return in == null ? 1 : Math.min(MOST, 1 + in.readableBytes() / Wire.REQUEST_LENGTH);
  }

  /** Releases all; not while it decodes. */
  void drop() {
    buffers.forEach(ReferenceCountUtil::release);
    buffers.clear();
  }
}
