package dev.wherry.path.link;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;
import org.jspecify.annotations.Nullable;

/**
 * Takes bytes as they come and gives frames and whole messages. Payloads are copied once, from the
 * socket's buffer to where they stay, and their memory grows as they arrive. One thread.
 */
final class FrameDecoder {
  /** What is told of what came; may throw {@link MalformedException}. */
  interface Sink {
    /** Any frame but REQUEST, REPLY and DATA. */
    void control(int type, long sequence, ByteBuf body);

    /** A message begins. */
    void begun(int cls, long sequence, Head head);

    /** A message is complete; the payload is the sink's. */
    void message(int cls, long sequence, Head head, ByteBuf payload);
  }

  /** Memory that is taken before the first byte of a payload has come. */
  private static final int FIRST = 1 << 20;

  private final ByteBufAllocator alloc;
  private final Sink sink;
  private final int headType;
  private final CRC32C crc = new CRC32C();
  private final LZ4SafeDecompressor lz4 = LZ4Factory.fastestInstance().safeDecompressor();
  private final Incoming[] incoming = new Incoming[Window.CLASSES];

  private final byte[] header = new byte[Frame.HEADER];
  private final ByteBuffer fields = ByteBuffer.wrap(header);
  private int headerBytes;

  private int left;
  private @Nullable ByteBuf body;
  private @Nullable Incoming data;
  private boolean closed;

  /** A message of which something is missing. */
  private static final class Incoming {
    final long sequence;
    final Head head;
    final ByteBuf payload;

    Incoming(long sequence, Head head, ByteBuf payload) {
      this.sequence = sequence;
      this.head = head;
      this.payload = payload;
    }
  }

  /**
   * @param headType which messages may come: {@link Frame#REQUEST} or {@link Frame#REPLY}
   */
  FrameDecoder(ByteBufAllocator alloc, int headType, Sink sink) {
    this.alloc = alloc;
    this.headType = headType;
    this.sink = sink;
  }

  /**
   * Takes all that is readable. The caller keeps the buffer.
   *
   * @throws MalformedException if it is not what may come; nothing may be read any more
   */
  void read(ByteBuf in) {
    while (!closed && in.isReadable()) {
      if (headerBytes < Frame.HEADER) {
        int n = Math.min(in.readableBytes(), Frame.HEADER - headerBytes);
        in.readBytes(header, headerBytes, n);
        headerBytes += n;
        if (headerBytes < Frame.HEADER) {
          return;
        }
        begin();
      } else {
        take(in);
      }
      if (left == 0 && headerBytes == Frame.HEADER) {
        end();
      }
    }
  }

  private int type() {
    return header[4];
  }

  private int cls() {
    return header[5];
  }

  private long sequence() {
    return fields.getLong(8);
  }

  private int size() {
    return fields.getInt(16);
  }

  private void begin() {
    int length = fields.getInt(0);
    if (length < 0 || length > Frame.MAX_BODY) {
      throw new MalformedException(
          "a frame of " + Integer.toUnsignedLong(length) + " bytes, at most " + Frame.MAX_BODY);
    }
    if (type() < 1 || type() > Frame.LAST_TYPE) {
      throw new MalformedException("a frame of the unknown type " + (type() & 0xff));
    }
    if (cls() < 0 || cls() >= Window.CLASSES) {
      throw new MalformedException("a frame of the unknown class " + (cls() & 0xff));
    }
    left = length;
    crc.reset();
    crc.update(header, 0, Frame.CRC_AT);
    data = type() == Frame.DATA ? announced(length) : null;
    if ((data == null && (header[6] != 0 || size() != 0)) || header[7] != 0) {
      throw new MalformedException("a frame of type " + type() + " with fields that are not zero");
    }
  }

  /** The message that a DATA frame goes on with. */
  private Incoming announced(int length) {
    Incoming to = incoming[cls()];
    if (to == null || to.sequence != sequence()) {
      throw new MalformedException("data of request " + sequence() + ", which is not under way");
    }
    int size = size();
    int missing = to.head.payload() - to.payload.writerIndex();
    boolean fits =
        switch (header[6]) {
          case Frame.RAW -> size == length;
          case Frame.ZERO -> length == 0;
          case Frame.LZ4 -> length > 0 && size <= Frame.PIECE;
          default -> false;
        };
    if (!fits || size < 1 || size > missing) {
      throw new MalformedException(
          "data of encoding "
              + header[6]
              + ", "
              + length
              + " bytes for "
              + size
              + " of the "
              + missing
              + " that are missing");
    }
    return to;
  }

  private void take(ByteBuf in) {
    int n = Math.min(left, in.readableBytes());
    Incoming to = data;
    Frame.update(crc, in, in.readerIndex(), n);
    if (to != null && header[6] == Frame.RAW) {
      room(to, n);
      to.payload.writeBytes(in, n);
    } else {
      if (body == null) {
        body = alloc.directBuffer(left);
      }
      body.writeBytes(in, n);
    }
    left -= n;
  }

  private static void room(Incoming to, int n) {
    ByteBuf p = to.payload;
    if (p.writableBytes() < n) {
      long doubled = Math.max((long) p.capacity() * 2, (long) p.writerIndex() + n);
      p.capacity((int) Math.min(to.head.payload(), doubled));
    }
  }

  private void end() {
    headerBytes = 0;
    ByteBuf b = body == null ? Unpooled.EMPTY_BUFFER : body;
    body = null;
    Incoming to = data;
    data = null;
    try {
      if ((int) crc.getValue() != fields.getInt(Frame.CRC_AT)) {
        throw new MalformedException("a frame of type " + type() + " with a wrong checksum");
      }
      if (to != null) {
        decode(to, b);
        if (to.payload.writerIndex() == to.head.payload()) {
          incoming[cls()] = null;
          sink.message(cls(), to.sequence, to.head, to.payload);
        }
      } else if (type() == Frame.REQUEST || type() == Frame.REPLY) {
        message(b);
      } else {
        sink.control(type(), sequence(), b);
      }
    } finally {
      b.release();
    }
  }

  private void decode(Incoming to, ByteBuf b) {
    int size = size();
    if (header[6] == Frame.ZERO) {
      room(to, size);
      to.payload.writeZero(size);
    } else if (header[6] == Frame.LZ4) {
      room(to, size);
      int at = to.payload.writerIndex();
      int n;
      try {
        n =
            lz4.decompress(
                b.nioBuffer(), 0, b.readableBytes(), to.payload.nioBuffer(at, size), 0, size);
      } catch (LZ4Exception e) {
        throw new MalformedException("data that LZ4 does not understand: " + e.getMessage());
      }
      if (n != size) {
        throw new MalformedException("LZ4 data of " + n + " bytes, announced as " + size);
      }
      to.payload.writerIndex(at + size);
    }
  }

  private void message(ByteBuf b) {
    if (type() != headType) {
      throw new MalformedException("a frame of type " + type() + " where none may come");
    }
    if (incoming[cls()] != null) {
      throw new MalformedException(
          "request " + sequence() + " before " + incoming[cls()].sequence + " is complete");
    }
    Head head = headType == Frame.REQUEST ? Head.Request.read(b) : Head.Reply.read(b);
    sink.begun(cls(), sequence(), head);
    if (closed) {
      return;
    }
    if (head.payload() == 0) {
      sink.message(cls(), sequence(), head, Unpooled.EMPTY_BUFFER);
    } else {
      incoming[cls()] =
          new Incoming(sequence(), head, alloc.directBuffer(Math.min(FIRST, head.payload())));
    }
  }

  /** Drops a message that is not complete; its class, or -1 if it is not there. */
  int drop(long sequence) {
    for (int c = 0; c < incoming.length; c++) {
      Incoming i = incoming[c];
      if (i != null && i.sequence == sequence) {
        incoming[c] = null;
        i.payload.release();
        return c;
      }
    }
    return -1;
  }

  /** Drops all; nothing is told any more. */
  void close() {
    closed = true;
    for (int c = 0; c < incoming.length; c++) {
      Incoming i = incoming[c];
      if (i != null) {
        incoming[c] = null;
        i.payload.release();
      }
    }
    if (body != null) {
      body.release();
      body = null;
    }
  }
}
