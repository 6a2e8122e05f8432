package dev.wherry.path.link;

import dev.wherry.nbd.NbdError;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** What goes before a payload. */
sealed interface Head {
  /** Strings beyond are cut. */
  int MAX_TEXT = 4096;

  /** The length of the payload in bytes, 0 to {@link Frame#MAX_PAYLOAD}. */
  int payload();

  /** The type of its frame. */
  int type();

  /** Writes the body of its frame. */
  void write(ByteBuf out);

  /**
   * The body of {@code REQUEST}.
   *
   * <pre>
   *  0    1          5           13           21            29           33        35
   *  | op | flags:4  | epoch:8   | offset:8   | length:8    | payload:4  | suid:2  | suid ...
   * </pre>
   */
  record Request(Op op, String suid, long epoch, long offset, long length, int flags, int payload)
      implements Head {
    static Request of(LinkRequest r) {
      return new Request(
          r.op(),
          r.suid(),
          r.epoch(),
          r.offset(),
          r.length(),
          r.flags(),
          r.payload().readableBytes());
    }

    LinkRequest with(ByteBuf data) {
      return new LinkRequest(op, suid, epoch, offset, length, flags, data);
    }

    @Override
    public int type() {
      return Frame.REQUEST;
    }

    @Override
    public void write(ByteBuf out) {
      out.writeByte(op.code())
          .writeInt(flags)
          .writeLong(epoch)
          .writeLong(offset)
          .writeLong(length)
          .writeInt(payload);
      writeText(out, suid);
    }

    static Request read(ByteBuf in) {
      need(in, 35);
      Op op;
      try {
        op = Op.of(in.readUnsignedByte());
      } catch (IllegalArgumentException e) {
        throw new MalformedException(String.valueOf(e.getMessage()));
      }
      int flags = in.readInt();
      long epoch = in.readLong();
      long offset = in.readLong();
      long length = in.readLong();
      int payload = readPayload(in);
      if (epoch < 0 || offset < 0 || length < 0) {
        throw new MalformedException(
            op + " with epoch " + epoch + ", offset " + offset + ", length " + length);
      }
      Request r = new Request(op, readText(in), epoch, offset, length, flags, payload);
      end(in);
      return r;
    }
  }

  /**
   * The body of {@code REPLY}. The error is that of NBD, or 0.
   *
   * <pre>
   *  0        1          5          13           17       19
   *  | status | error:4  | epoch:8  | payload:4  | text:2 | text ...
   * </pre>
   */
  record Reply(
      LinkReply.Status status, @Nullable NbdError error, long epoch, String text, int payload)
      implements Head {
    private static final LinkReply.Status[] STATUSES = LinkReply.Status.values();

    static Reply of(LinkReply r) {
      return new Reply(r.status(), r.error(), r.epoch(), r.text(), r.payload().readableBytes());
    }

    LinkReply with(ByteBuf data) {
      return new LinkReply(status, error, epoch, text, data);
    }

    @Override
    public int type() {
      return Frame.REPLY;
    }

    @Override
    @SuppressWarnings("EnumOrdinal") // the enum says that its ordinal is what goes over the wire
    public void write(ByteBuf out) {
      out.writeByte(status.ordinal())
          .writeInt(error == null ? 0 : error.code())
          .writeLong(epoch)
          .writeInt(payload);
      writeText(out, text);
    }

    static Reply read(ByteBuf in) {
      need(in, 19);
      int status = in.readUnsignedByte();
      if (status >= STATUSES.length) {
        throw new MalformedException("status " + status + " of a reply is unknown");
      }
      int error = in.readInt();
      long epoch = in.readLong();
      int payload = readPayload(in);
      Reply r =
          new Reply(
              STATUSES[status],
              error == 0 ? null : NbdError.of(error),
              epoch,
              readText(in),
              payload);
      end(in);
      return r;
    }
  }

  private static int readPayload(ByteBuf in) {
    int payload = in.readInt();
    if (payload < 0 || payload > Frame.MAX_PAYLOAD) {
      throw new MalformedException(
          "a payload of "
              + Integer.toUnsignedLong(payload)
              + " bytes is announced, at most "
              + Frame.MAX_PAYLOAD
              + " are taken");
    }
    return payload;
  }

  /** Two bytes of length and UTF-8, cut at {@link #MAX_TEXT} bytes. */
  static void writeText(ByteBuf out, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int n = Math.min(bytes.length, MAX_TEXT);
    while (n < bytes.length && n > 0 && (bytes[n] & 0xc0) == 0x80) {
      n--;
    }
    out.writeShort(n).writeBytes(bytes, 0, n);
  }

  static String readText(ByteBuf in) {
    need(in, 2);
    int n = in.readUnsignedShort();
    if (n > MAX_TEXT) {
      throw new MalformedException("a text of " + n + " bytes, at most " + MAX_TEXT);
    }
    need(in, n);
    byte[] bytes = new byte[n];
    in.readBytes(bytes);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new MalformedException("a text that is not UTF-8");
    }
  }

  static void need(ByteBuf in, int bytes) {
    if (in.readableBytes() < bytes) {
      throw new MalformedException("a frame that ends too early");
    }
  }

  static void end(ByteBuf in) {
    if (in.isReadable()) {
      throw new MalformedException("a frame with " + in.readableBytes() + " bytes too many");
    }
  }
}
