package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.FLAG_C_FIXED_NEWSTYLE;
import static dev.wherry.nbd.Wire.FLAG_C_NO_ZEROES;
import static dev.wherry.nbd.Wire.OPTION_HEADER_LENGTH;
import static dev.wherry.nbd.Wire.OPTION_MAGIC;
import static dev.wherry.nbd.Wire.OPT_EXPORT_NAME;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.CorruptedFrameException;

/**
 * Takes apart what a client sends while it negotiates: its flags, then options.
 *
 * <pre>
 *  CLIENT_FLAGS --> OPTION --> DATA --option complete--> OPTION
 *                          --too long--> SKIP --> OPTION
 * </pre>
 *
 * One thread. Whatever cannot be understood or is too much ends the connection: {@link
 * CorruptedFrameException}.
 */
final class OptionReader {
  /** The longest data of an option that we understand, in bytes. */
  static final int MAX_DATA = 64 << 10;

  /** Longer data than this is not drained; the connection is closed. */
  private static final int MAX_SKIP = 1 << 20;

  /** A client that has not come to an end after so many options never will. */
  private static final int MAX_OPTIONS = 1024;

  /** What a step has come to. */
  enum Found {
    /** To be called again, with more bytes if it took none. */
    NOTHING,
    /** An option, and its data. */
    OPTION,
    /** An option whose data was longer than {@link #MAX_DATA}, and is gone. */
    TOO_LONG
  }

  private enum State {
    CLIENT_FLAGS,
    OPTION,
    DATA,
    SKIP
  }

  private State state = State.CLIENT_FLAGS;
  private boolean noZeroes;
  private int option;
  private int length;
  private int options;
  private ByteBuf data = Unpooled.EMPTY_BUFFER;

  /** Whether the client wants no padding behind the answer to EXPORT_NAME. */
  boolean noZeroes() {
    return noZeroes;
  }

  /** The option that was found last. */
  int option() {
    return option;
  }

  /** Its data; a slice of what it was read from, valid until the next step. */
  ByteBuf data() {
    return data;
  }

  /** Makes one step. */
  Found step(ByteBuf in) {
    return switch (state) {
      case CLIENT_FLAGS -> clientFlags(in);
      case OPTION -> header(in);
      case DATA -> data(in);
      case SKIP -> skip(in);
    };
  }

  private Found clientFlags(ByteBuf in) {
    if (in.readableBytes() < 4) {
      return Found.NOTHING;
    }
    int flags = in.readInt();
    if ((flags & ~(FLAG_C_FIXED_NEWSTYLE | FLAG_C_NO_ZEROES)) != 0) {
      throw new CorruptedFrameException("unknown client flags 0x" + Integer.toHexString(flags));
    }
    noZeroes = (flags & FLAG_C_NO_ZEROES) != 0;
    state = State.OPTION;
    return Found.NOTHING;
  }

  private Found header(ByteBuf in) {
    if (in.readableBytes() < OPTION_HEADER_LENGTH) {
      return Found.NOTHING;
    }
    long magic = in.readLong();
    if (magic != OPTION_MAGIC) {
      throw new CorruptedFrameException("bad option magic 0x" + Long.toHexString(magic));
    }
    option = in.readInt();
    length = in.readInt();
    if (length < 0 || length > MAX_SKIP) {
      throw new CorruptedFrameException(
          "option " + option + " with " + Integer.toUnsignedString(length) + " bytes of data");
    }
    if (++options > MAX_OPTIONS) {
      throw new CorruptedFrameException("more than " + MAX_OPTIONS + " options");
    }
    if (length > MAX_DATA && option == OPT_EXPORT_NAME) {
      throw new CorruptedFrameException("export name of " + length + " bytes");
    }
    if (length == 0) {
      data = Unpooled.EMPTY_BUFFER;
      return Found.OPTION;
    }
    state = length > MAX_DATA ? State.SKIP : State.DATA;
    return Found.NOTHING;
  }

  private Found data(ByteBuf in) {
    if (in.readableBytes() < length) {
      return Found.NOTHING;
    }
    state = State.OPTION;
    data = in.readSlice(length);
    return Found.OPTION;
  }

  private Found skip(ByteBuf in) {
    int n = Math.min(in.readableBytes(), length);
    in.skipBytes(n);
    length -= n;
    if (length > 0) {
      return Found.NOTHING;
    }
    state = State.OPTION;
    return Found.TOO_LONG;
  }
}
