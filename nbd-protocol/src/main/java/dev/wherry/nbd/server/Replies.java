package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.EXTENDED_REPLY_LENGTH;
import static dev.wherry.nbd.Wire.EXTENDED_REPLY_MAGIC;
import static dev.wherry.nbd.Wire.REPLY_FLAG_DONE;
import static dev.wherry.nbd.Wire.REPLY_TYPE_BLOCK_STATUS;
import static dev.wherry.nbd.Wire.REPLY_TYPE_BLOCK_STATUS_EXT;
import static dev.wherry.nbd.Wire.REPLY_TYPE_ERROR;
import static dev.wherry.nbd.Wire.REPLY_TYPE_NONE;
import static dev.wherry.nbd.Wire.REPLY_TYPE_OFFSET_DATA;
import static dev.wherry.nbd.Wire.REPLY_TYPE_OFFSET_HOLE;
import static dev.wherry.nbd.Wire.SIMPLE_REPLY_LENGTH;
import static dev.wherry.nbd.Wire.SIMPLE_REPLY_MAGIC;
import static dev.wherry.nbd.Wire.STRUCTURED_REPLY_LENGTH;
import static dev.wherry.nbd.Wire.STRUCTURED_REPLY_MAGIC;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * Encodes replies in the form that the client negotiated ("Simple reply message", "Structured reply
 * chunk message", "Extended reply chunk message").
 *
 * <pre>
 *  simple      magic:32 error:32 cookie:64 [data]
 *  structured  magic:32 flags:16 type:16 cookie:64 length:32           payload
 *  extended    magic:32 flags:16 type:16 cookie:64 offset:64 length:64 payload
 * </pre>
 */
final class Replies {
  private static final int MAX_TEXT = 512;

  private final boolean structured;
  private final boolean extended;
  private final int chunkHead;

  Replies(SessionMode mode) {
    structured = mode.structured();
    extended = mode.extended();
    chunkHead = extended ? EXTENDED_REPLY_LENGTH : STRUCTURED_REPLY_LENGTH;
  }

  boolean structured() {
    return structured;
  }

  /** Bytes in front of the data of a read. */
  int dataHead() {
    return structured ? chunkHead + 8 : SIMPLE_REPLY_LENGTH;
  }

  /** The most bytes that an answer without payload takes. */
  int doneLength() {
    return extended ? EXTENDED_REPLY_LENGTH : SIMPLE_REPLY_LENGTH;
  }

  int holeLength() {
    return chunkHead + 12;
  }

  /** Success without payload. */
  void done(ByteBuf out, long cookie, long offset) {
    if (extended) {
      chunk(out, REPLY_FLAG_DONE, REPLY_TYPE_NONE, cookie, offset, 0);
    } else {
      simple(out, cookie, 0);
    }
  }

  /** What stands in front of {@code length} bytes of data read at {@code from}. */
  void data(ByteBuf out, boolean last, long cookie, long offset, long from, int length) {
    if (structured) {
      int flags = last ? REPLY_FLAG_DONE : 0;
      chunk(out, flags, REPLY_TYPE_OFFSET_DATA, cookie, offset, length + 8L);
      out.writeLong(from);
    } else {
      simple(out, cookie, 0);
    }
  }

  /** Says that a range of a read is zeroes. Structured only. */
  void hole(ByteBuf out, boolean last, long cookie, long offset, long from, int length) {
    chunk(out, last ? REPLY_FLAG_DONE : 0, REPLY_TYPE_OFFSET_HOLE, cookie, offset, 12);
    out.writeLong(from).writeInt(length);
  }

  /** Bytes that {@link #error} writes. */
  int errorLength(byte[] text) {
    return structured ? chunkHead + 6 + text.length : SIMPLE_REPLY_LENGTH;
  }

  /** The text of an error as it goes on the wire. */
  byte[] text(String reason) {
    byte[] b = reason.getBytes(StandardCharsets.UTF_8);
    return b.length <= MAX_TEXT ? b : Arrays.copyOf(b, MAX_TEXT);
  }

  void error(ByteBuf out, long cookie, long offset, NbdError error, byte[] text) {
    if (structured) {
      chunk(out, REPLY_FLAG_DONE, REPLY_TYPE_ERROR, cookie, offset, 6L + text.length);
      out.writeInt(error.code()).writeShort(text.length).writeBytes(text);
    } else {
      simple(out, cookie, error.code());
    }
  }

  int statusLength(int extents) {
    return extended ? chunkHead + 8 + 16 * extents : chunkHead + 4 + 8 * extents;
  }

  /** One context's answer to BLOCK_STATUS. */
  void status(
      ByteBuf out, boolean last, long cookie, long offset, int context, List<Extent> extents) {
    int flags = last ? REPLY_FLAG_DONE : 0;
    int type = extended ? REPLY_TYPE_BLOCK_STATUS_EXT : REPLY_TYPE_BLOCK_STATUS;
    int length = statusLength(extents.size()) - chunkHead;
    chunk(out, flags, type, cookie, offset, length);
    out.writeInt(context);
    if (extended) {
      out.writeInt(extents.size());
    }
    for (Extent e : extents) {
      if (extended) {
        out.writeLong(e.length()).writeLong(e.flags());
      } else {
        out.writeInt((int) e.length()).writeInt((int) e.flags());
      }
    }
  }

  private static void simple(ByteBuf out, long cookie, int error) {
    out.writeInt(SIMPLE_REPLY_MAGIC).writeInt(error).writeLong(cookie);
  }

  private void chunk(ByteBuf out, int flags, int type, long cookie, long offset, long length) {
    out.writeInt(extended ? EXTENDED_REPLY_MAGIC : STRUCTURED_REPLY_MAGIC);
    out.writeShort(flags).writeShort(type).writeLong(cookie);
    if (extended) {
      out.writeLong(offset).writeLong(length);
    } else {
      out.writeInt((int) length);
    }
  }
}
