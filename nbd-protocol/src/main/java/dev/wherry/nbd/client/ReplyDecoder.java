package dev.wherry.nbd.client;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import org.jspecify.annotations.Nullable;

/**
 * Puts replies together from bytes as they come ("Simple reply message", "Structured reply chunk
 * message", "Extended reply chunk message"). Data go straight into the command's buffer. Nothing
 * that a server says is believed without a check: whatever is outside the protocol is a {@link
 * ProtocolException}, after which the connection is of no more use.
 */
final class ReplyDecoder {
  /** Where commands come from and replies go to. */
  interface Commands {
    /** The command in flight with this cookie, or null. */
    @Nullable Command find(long cookie);

    /** The reply is complete. */
    void complete(long cookie, Command command);
  }

  /** A server that does not keep to the protocol. */
  static final class ProtocolException extends RuntimeException {
    private static final long serialVersionUID = 1;

    ProtocolException(String message) {
      super(message, null, false, false);
    }
  }

  private enum State {
    MAGIC,
    SIMPLE_HEADER,
    CHUNK_HEADER,
    OFFSET,
    HOLE,
    DATA,
    BODY
  }

  /** Longest text of an error, with its header and offset. */
  private static final int MAX_ERROR = 4 + 2 + Wire.MAX_STRING + 8;

  /** Longest block status in bytes: half a million extents. */
  private static final int MAX_STATUS = 4 << 20;

  private final Terms terms;
  private final Commands commands;
  private final ByteBufAllocator allocator;
  private final ReplyBodies bodies;
  private final ByteBuf scratch = Unpooled.buffer(64);

  private State state = State.MAGIC;
  private @Nullable Command command;
  private long cookie;
  private boolean last;
  private int type;

  /** Bytes of the chunk that are still to come. */
  private int left;

  /** Where in the command's buffer the data go. */
  private int index;

  ReplyDecoder(Terms terms, Commands commands, ByteBufAllocator allocator) {
    this.terms = terms;
    this.bodies = new ReplyBodies(terms);
    this.commands = commands;
    this.allocator = allocator;
  }

  /** Takes all readable bytes; throws {@link ProtocolException}. */
  void feed(ByteBuf in) {
    boolean more = true;
    while (more) {
      more =
          switch (state) {
            case MAGIC -> magic(in);
            case SIMPLE_HEADER -> simpleHeader(in);
            case CHUNK_HEADER -> chunkHeader(in);
            case OFFSET -> offset(in);
            case HOLE -> hole(in);
            case DATA -> data(in);
            case BODY -> body(in);
          };
    }
  }

  /**
   * A buffer with {@code count} bytes to read now, or null; all of which is then read; {@link
   * #took} follows.
   */
  private @Nullable ByteBuf need(ByteBuf in, int count) {
    if (!scratch.isReadable() && in.readableBytes() >= count) {
      return in;
    }
    int missing = count - scratch.readableBytes();
    scratch.writeBytes(in, Math.min(missing, in.readableBytes()));
    return scratch.readableBytes() < count ? null : scratch;
  }

  private void took(State next) {
    if (!scratch.isReadable()) {
      scratch.clear();
    }
    state = next;
  }

  private boolean magic(ByteBuf in) {
    ByteBuf b = need(in, 4);
    if (b == null) {
      return false;
    }
    int magic = b.readInt();
    State next;
    if (terms.extended()
        ? magic == Wire.EXTENDED_REPLY_MAGIC
        : terms.structured() && magic == Wire.STRUCTURED_REPLY_MAGIC) {
      next = State.CHUNK_HEADER;
    } else if (magic == Wire.SIMPLE_REPLY_MAGIC && !terms.extended()) {
      next = State.SIMPLE_HEADER;
    } else {
      throw new ProtocolException("bad magic 0x" + Integer.toHexString(magic) + " of a reply");
    }
    took(next);
    return true;
  }

  private boolean simpleHeader(ByteBuf in) {
    ByteBuf b = need(in, Wire.SIMPLE_REPLY_LENGTH - 4);
    if (b == null) {
      return false;
    }
    int code = b.readInt();
    Command c = find(b.readLong());
    if (c.hasExtents() || c.isStarted()) {
      throw new ProtocolException("a simple reply amid the chunks of the reply to " + c);
    }
    if (code != 0) {
      c.failed(NbdError.of(code), "");
    } else if (c.type == Wire.CMD_READ && !terms.structured()) {
      c.coverage().claim(0, c.length);
      index = 0;
      left = (int) c.length;
      last = true;
      took(State.DATA);
      return true;
    } else if (c.type == Wire.CMD_READ || c.type == Wire.CMD_BLOCK_STATUS) {
      throw new ProtocolException("a simple reply to " + c);
    }
    took(State.MAGIC);
    finish(c);
    return true;
  }

  private boolean chunkHeader(ByteBuf in) {
    ByteBuf b =
        need(
            in, (terms.extended() ? Wire.EXTENDED_REPLY_LENGTH : Wire.STRUCTURED_REPLY_LENGTH) - 4);
    if (b == null) {
      return false;
    }
    last = (b.readUnsignedShort() & Wire.REPLY_FLAG_DONE) != 0;
    type = b.readUnsignedShort();
    Command c = find(b.readLong());
    long length;
    if (terms.extended()) {
      b.skipBytes(8); // The request's offset again; the cookie says which request that is.
      length = b.readLong();
    } else {
      length = b.readUnsignedInt();
    }
    took(startChunk(c, length));
    if (state == State.MAGIC) {
      endChunk(c);
    }
    return true;
  }

  /** Checks the length of a chunk before anything is taken for it, and says what follows. */
  private State startChunk(Command c, long length) {
    if ((type & Wire.REPLY_TYPE_FLAG_ERROR) != 0) {
      checkLength(c, length, 6, MAX_ERROR);
      left = (int) length;
      return State.BODY;
    }
    switch (type) {
      case Wire.REPLY_TYPE_NONE -> {
        checkLength(c, length, 0, 0);
        if (!last) {
          throw new ProtocolException("an empty chunk that is not the last of the reply to " + c);
        }
        return State.MAGIC;
      }
      case Wire.REPLY_TYPE_OFFSET_DATA -> {
        checkType(c, Wire.CMD_READ);
        checkLength(c, length, 9, 8 + c.length);
        left = (int) (length - 8);
        return State.OFFSET;
      }
      case Wire.REPLY_TYPE_OFFSET_HOLE -> {
        checkType(c, Wire.CMD_READ);
        checkLength(c, length, 12, 12);
        return State.HOLE;
      }
      case Wire.REPLY_TYPE_BLOCK_STATUS -> {
        checkType(c, terms.extended() ? -1 : Wire.CMD_BLOCK_STATUS);
        checkLength(c, length, 4 + 8, MAX_STATUS);
        left = (int) length;
        return State.BODY;
      }
      case Wire.REPLY_TYPE_BLOCK_STATUS_EXT -> {
        checkType(c, terms.extended() ? Wire.CMD_BLOCK_STATUS : -1);
        checkLength(c, length, 8 + 16, MAX_STATUS);
        left = (int) length;
        return State.BODY;
      }
      default ->
          throw new ProtocolException("a chunk of unknown type " + type + " in the reply to " + c);
    }
  }

  private void checkType(Command c, int wanted) {
    if (c.type != wanted) {
      throw new ProtocolException("a chunk of type " + type + " in the reply to " + c);
    }
  }

  private void checkLength(Command c, long length, long min, long max) {
    if (length < min || length > max) {
      throw new ProtocolException(
          "a chunk of type "
              + type
              + " and "
              + Long.toUnsignedString(length)
              + " bytes, at most "
              + max
              + ", in the reply to "
              + c);
    }
  }

  private boolean offset(ByteBuf in) {
    ByteBuf b = need(in, 8);
    if (b == null) {
      return false;
    }
    Command c = current();
    index = claim(c, b.readLong(), left);
    took(State.DATA);
    return true;
  }

  private boolean hole(ByteBuf in) {
    ByteBuf b = need(in, 12);
    if (b == null) {
      return false;
    }
    Command c = current();
    long offset = b.readLong();
    long length = b.readUnsignedInt();
    int at = claim(c, offset, length);
    c.data(allocator).setZero(at, (int) length);
    took(State.MAGIC);
    endChunk(c);
    return true;
  }

  private static int claim(Command c, long offset, long length) {
    long start = offset - c.offset;
    if (start < 0 || start > c.length || !c.coverage().claim(start, length)) {
      throw new ProtocolException(
          "a chunk of "
              + length
              + " bytes at "
              + Long.toUnsignedString(offset)
              + " that is outside of, or twice in, the reply to "
              + c);
    }
    return (int) start;
  }

  private boolean data(ByteBuf in) {
    int count = Math.min(left, in.readableBytes());
    Command c = current();
    if (count > 0) {
      in.readBytes(c.data(allocator), index, count);
      index += count;
      left -= count;
    }
    if (left > 0) {
      return false;
    }
    state = State.MAGIC;
    endChunk(c);
    return true;
  }

  private boolean body(ByteBuf in) {
    ByteBuf b = need(in, left);
    if (b == null) {
      return false;
    }
    Command c = current();
    ByteBuf content = b.readSlice(left);
    if ((type & Wire.REPLY_TYPE_FLAG_ERROR) != 0) {
      bodies.error(type, c, content);
    } else {
      bodies.status(c, content);
    }
    took(State.MAGIC);
    endChunk(c);
    return true;
  }

  private Command find(long wanted) {
    Command c = commands.find(wanted);
    if (c == null) {
      throw new ProtocolException("unknown cookie " + wanted);
    }
    cookie = wanted;
    command = c;
    return c;
  }

  private Command current() {
    Command c = command;
    if (c == null) {
      throw new IllegalStateException("no reply begun");
    }
    return c;
  }

  private void endChunk(Command c) {
    if (last) {
      finish(c);
    }
  }

  private void finish(Command c) {
    if (c.error() == null) {
      if (c.type == Wire.CMD_READ && !c.isComplete()) {
        throw new ProtocolException("bytes are missing in the reply to " + c);
      }
      if (c.type == Wire.CMD_BLOCK_STATUS && !c.hasExtents()) {
        throw new ProtocolException("no extents in the reply to " + c);
      }
    }
    command = null;
    commands.complete(cookie, c);
  }
}
