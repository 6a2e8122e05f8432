package dev.wherry.path.link;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * The frames of the link. All numbers are big-endian.
 *
 * <pre>
 *  0        4      5       6          7      8              16      20      24
 *  | length | type | class | encoding | zero | sequence     | size  | crc   | body ...
 * </pre>
 *
 * <ul>
 *   <li>{@code length} of the body, 0 to 65,536 bytes
 *   <li>{@code class} the ordinal of {@link Priority}; 0 where there is none
 *   <li>{@code sequence} the number of the request that the frame is about, in its session
 *   <li>{@code size} of what the body of {@code DATA} stands for, in bytes; 0 in other frames
 *   <li>{@code crc} CRC32C of the 20 bytes before it and of the body
 * </ul>
 *
 * <pre>
 *  dialer                          listener
 *    OPEN       magic, versions ──▶          in clear or behind TLS, as the listener is set
 *           ◀── CHALLENGE  nonce             so that a connection cannot be played back
 *    HELLO      who, session    ──▶
 *           ◀── WELCOME or REFUSE
 *    REQUEST    head            ──▶          as its credits allow
 *    DATA       payload         ──▶
 *           ◀── REPLY      head
 *           ◀── DATA       payload
 *    ACK        numbers         ──▶          the answer can be forgotten, the credit is free
 *    CANCEL                     ──▶          nobody waits for the answer any more
 *           ◀── ENDED                        what was cancelled has ended, or never begins
 *    PING ⇄ PONG                             either side
 * </pre>
 *
 * <p>A payload follows its head as {@code DATA} frames of its class and number, together as long as
 * the head says. Frames of other classes may come between them, none of the same class. {@code
 * encoding} of {@code DATA}: 0 the bytes as they are (length = size), 1 zeroes (length 0, size up
 * to the whole payload), 2 an LZ4 block (size up to 65,536).
 */
final class Frame {
  static final int HEADER = 24;
  static final int CRC_AT = 20;
  static final int MAX_BODY = 64 << 10;

  /** The longest piece of a payload in one frame, zeroes excepted. */
  static final int PIECE = 64 << 10;

  /** The longest payload: what a host may send at once, and some more for what describes it. */
  static final int MAX_PAYLOAD = (64 << 20) + (1 << 20);

  static final int OPEN = 1;
  static final int CHALLENGE = 2;
  static final int HELLO = 3;
  static final int WELCOME = 4;
  static final int REFUSE = 5;
  static final int REQUEST = 6;
  static final int REPLY = 7;
  static final int DATA = 8;
  static final int ACK = 9;
  static final int CANCEL = 10;
  static final int ENDED = 11;
  static final int PING = 12;
  static final int PONG = 13;
  static final int LAST_TYPE = PONG;

  static final int RAW = 0;
  static final int ZERO = 1;
  static final int LZ4 = 2;

  private Frame() {}

  /** Writes a header whose length and checksum {@link #finish} fills in, unless they are given. */
  static void header(
      ByteBuf out, int length, int type, int cls, int encoding, long sequence, int size) {
    out.writeInt(length)
        .writeByte(type)
        .writeByte(cls)
        .writeByte(encoding)
        .writeByte(0)
        .writeLong(sequence)
        .writeInt(size)
        .writeInt(0);
  }

  /** Fills in length and checksum of a frame that begins at {@code start} and ends the buffer. */
  static void finish(ByteBuf out, int start, CRC32C crc) {
    int length = out.writerIndex() - start - HEADER;
    if (length > MAX_BODY) {
      throw new IllegalArgumentException("a frame of " + length + " bytes, at most " + MAX_BODY);
    }
    out.setInt(start, length);
    seal(out, start, crc, out, start + HEADER, length);
  }

  /** Fills in the checksum of a header at {@code start} whose body lies elsewhere. */
  static void seal(ByteBuf out, int start, CRC32C crc, ByteBuf body, int index, int length) {
    crc.reset();
    update(crc, out, start, CRC_AT);
    update(crc, body, index, length);
    out.setInt(start + CRC_AT, (int) crc.getValue());
  }

  static void update(CRC32C crc, ByteBuf data, int index, int length) {
    if (length == 0) {
      return;
    }
    if (data.hasArray()) {
      crc.update(data.array(), data.arrayOffset() + index, length);
    } else if (data.nioBufferCount() == 1) {
      crc.update(data.nioBuffer(index, length));
    } else {
      for (ByteBuffer b : data.nioBuffers(index, length)) {
        crc.update(b);
      }
    }
  }
}
