package dev.wherry.path.map;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Records on their way into a map's file, and the frames that they travel in. All numbers are big
 * endian, and all lengths multiples of 8. A frame has less than 2 GiB; a file may have any number.
 *
 * <pre>
 *   file:    frame with HEADER | frames: the checkpoint | frame with END | frames: the journal
 *
 *   frame:   +0  magic "WBMF"          u32
 *            +4  length of the payload u32
 *            +8  forced                u64   the file was durable up to here when this was made
 *            +16 CRC-32C               u32   of position of the frame (u64), length, forced, payload
 *            +20 0                     u32
 *            +24 payload: records
 *
 *   record:  +0  type u8 | +1 state u8 | +2 0 u16 | +4 number u32 | +8 position u64 | more
 *
 *   HEADER 1   number: bytes of a block; position: bytes of the volume; more: version u64, seed u64
 *   SET    2   blocks from position on, more: how many u64, have the state, unconditionally
 *   PAGE   3   page of the number position, more: 4096 bytes, drawn at {@link Pages}
 *   INTENT 4   units from position on, number of them, more: XXH64 by the seed of each, u64;
 *              void where a SET of the block follows
 *   DIFFER 5   blocks that are SAME in the extent position may differ
 *   CLEAN  6   no longer
 *   END    7   the checkpoint is complete
 * </pre>
 *
 * For one thread.
 */
final class Records {
  static final int VERSION = 1;
  static final int MAGIC = 0x57424d46;
  static final int FRAME = 24;
  static final int RECORD = 16;

  static final int HEADER = 1;
  static final int SET = 2;
  static final int PAGE = 3;
  static final int INTENT = 4;
  static final int DIFFER = 5;
  static final int CLEAN = 6;
  static final int END = 7;

  private ByteBuffer bytes = ByteBuffer.allocate(FRAME + 232).position(FRAME);

  /** Bytes of the records. */
  int length() {
    return bytes.position() - FRAME;
  }

  boolean isEmpty() {
    return length() == 0;
  }

  Records header(int blockSize, long size, long seed) {
    record(HEADER, 0, blockSize, size, 16).putLong(VERSION).putLong(seed);
    return this;
  }

  Records set(long from, long end, int state) {
    record(SET, state, 0, from, 8).putLong(end - from);
    return this;
  }

  /** The page's bytes, which are to be put. */
  ByteBuffer page(int page) {
    record(PAGE, 0, 0, page, Slabs.PAGE);
    ByteBuffer states = bytes.slice(bytes.position(), Slabs.PAGE);
    bytes.position(bytes.position() + Slabs.PAGE);
    return states;
  }

  /** The hashes are to be put. */
  ByteBuffer intent(long firstUnit, int units) {
    return record(INTENT, 0, units, firstUnit, units * 8);
  }

  Records differ(long extent) {
    record(DIFFER, 0, 0, extent, 0);
    return this;
  }

  Records clean(long extent) {
    record(CLEAN, 0, 0, extent, 0);
    return this;
  }

  Records end() {
    record(END, 0, 0, 0, 0);
    return this;
  }

  /** Adds other ones. */
  Records add(Records other) {
    room(other.length());
    bytes.put(other.bytes.array(), FRAME, other.length());
    return this;
  }

  private ByteBuffer record(int type, int state, int number, long position, int more) {
    room(RECORD + more);
    return bytes
        .put((byte) type)
        .put((byte) state)
        .putShort((short) 0)
        .putInt(number)
        .putLong(position);
  }

  private void room(int wanted) {
    if (bytes.remaining() < wanted) {
      long capacity = Math.max(2L * bytes.capacity(), (long) bytes.position() + wanted);
      bytes = ByteBuffer.allocate(Math.toIntExact(capacity)).put(bytes.flip());
    }
  }

  /**
   * The frame of these records at a position of the file; the records stay for another one.
   *
   * @param forced the file is durable up to here
   */
  ByteBuffer frame(long position, long forced) {
    ByteBuffer frame = bytes.duplicate().flip();
    frame.putInt(0, MAGIC).putInt(4, length()).putLong(8, forced).putInt(20, 0);
    frame.putInt(16, checksumOfAll(frame, position));
    return frame;
  }

  /**
   * The checksum of a frame so far: all of it but its payload.
   *
   * @param head of the frame, from its byte 0 on
   */
  static CRC32C checksum(ByteBuffer head, long position) {
    CRC32C crc = new CRC32C();
    crc.update(ByteBuffer.allocate(8).putLong(0, position));
    crc.update(head.duplicate().limit(16).position(4));
    return crc;
  }

  /** The checksum of a frame that starts at the buffer's 0 and ends with its limit. */
  static int checksumOfAll(ByteBuffer frame, long position) {
    CRC32C crc = checksum(frame, position);
    crc.update(frame.duplicate().position(FRAME));
    return (int) crc.getValue();
  }
}
