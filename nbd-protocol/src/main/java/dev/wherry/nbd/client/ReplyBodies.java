package dev.wherry.nbd.client;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.Wire;
import dev.wherry.nbd.client.ReplyDecoder.ProtocolException;
import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * What chunks say that come whole before they are looked at: errors and block status ("Structured
 * reply types"). It goes into the command. Fails with {@link ProtocolException}. Event loop.
 */
final class ReplyBodies {
  private final Terms terms;

  ReplyBodies(Terms terms) {
    this.terms = terms;
  }

  /**
   * The command has failed.
   *
   * @param type of the chunk, one of those that are errors
   */
  void error(int type, Command c, ByteBuf content) {
    int code = content.readInt();
    int length = content.readUnsignedShort();
    if (code == 0 || length > content.readableBytes()) {
      throw new ProtocolException("a malformed error in the reply to " + c);
    }
    String text = content.readCharSequence(length, StandardCharsets.UTF_8).toString();
    if (type == Wire.REPLY_TYPE_ERROR_OFFSET) {
      if (content.readableBytes() != 8) {
        throw new ProtocolException("a malformed error in the reply to " + c);
      }
      long offset = content.readLong();
      if (offset < c.offset || offset - c.offset >= Math.max(1, c.length)) {
        throw new ProtocolException(
            "an error at " + Long.toUnsignedString(offset) + " in the reply to " + c);
      }
      text = text.isEmpty() ? "at offset " + offset : text + " (at offset " + offset + ")";
    } else if (type == Wire.REPLY_TYPE_ERROR && content.isReadable()) {
      throw new ProtocolException("a malformed error in the reply to " + c);
    }
    c.failed(NbdError.of(code), text);
  }

  /** Block status of one context. */
  void status(Command c, ByteBuf content) {
    boolean wide = terms.extended();
    int id = content.readInt();
    String context = terms.contexts().get(id);
    int size = wide ? 16 : 8;
    if (wide) {
      long count = content.readUnsignedInt();
      // A server may leave the count at 0 and let the length speak.
      if (count != 0 && count * size != content.readableBytes()) {
        throw new ProtocolException("a malformed block status in the reply to " + c);
      }
    }
    if (context == null || content.readableBytes() % size != 0) {
      throw new ProtocolException(
          "a block status of unknown context " + id + " or odd length in the reply to " + c);
    }
    List<Extent> extents = new ArrayList<>();
    long at = 0;
    while (content.isReadable()) {
      long length = wide ? content.readLong() : content.readUnsignedInt();
      long flags = wide ? content.readLong() : content.readUnsignedInt();
      if (length <= 0 || at >= c.length) {
        throw new ProtocolException("an extent of " + length + " bytes in the reply to " + c);
      }
      // The last one may tell of more than what was asked.
      long within = Math.min(length, c.length - at);
      extents.add(new Extent(within, flags));
      at += within;
    }
    if (!c.addExtents(context, extents)) {
      throw new ProtocolException("context " + context + " twice in the reply to " + c);
    }
  }
}
