package dev.wherry.path.map;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Takes a map's file apart, of whatever length. The format is drawn at {@link Records}. For one
 * thread.
 */
final class Frames {
  /** Takes records, in the order of the file. */
  interface Visitor {
    /**
     * Takes one.
     *
     * @param at where in the file that is which follows the record's fixed part
     * @param more that, from the buffer's position to its limit; only until this returns
     */
    void record(int type, int state, int number, long position, long at, ByteBuffer more)
        throws IOException;
  }

  private final Window file;
  private boolean ended;

  Frames(Window file) {
    this.file = file;
  }

  /**
   * Visits all records up to a torn end.
   *
   * @return the end of what was read; less than the length if a torn tail follows
   * @throws IOException if the file is not whole where a crash cannot have torn it
   */
  long visit(Visitor visitor) throws IOException {
    long at = 0;
    ended = false;
    while (at < file.length()) {
      long end = end(at);
      if (end < 0) {
        if (!ended) {
          throw new IOException(
              (at == 0 ? "not a block map, or its header is" : "the checkpoint is")
                  + " damaged at byte "
                  + at
                  + " of "
                  + file.length());
        }
        refuseIfForced(at);
        return at;
      }
      records(at + Records.FRAME, end, visitor);
      at = end;
    }
    if (!ended) {
      throw new IOException("the checkpoint ends early, at byte " + at);
    }
    return at;
  }

  private void records(long from, long end, Visitor visitor) throws IOException {
    for (long at = from; at < end; ) {
      if (end - at < Records.RECORD) {
        throw new IOException("a record at byte " + at + " is longer than its frame");
      }
      ByteBuffer fixed = file.at(at, Records.RECORD);
      int type = fixed.get();
      int state = fixed.get();
      fixed.getShort();
      int number = fixed.getInt();
      long position = fixed.getLong();
      long more =
          switch (type) {
            case Records.HEADER -> 16;
            case Records.SET -> 8;
            case Records.PAGE -> Slabs.PAGE;
            case Records.INTENT -> number * 8L;
            case Records.DIFFER, Records.CLEAN, Records.END -> 0;
            default -> throw new IOException("a record of the unknown type " + type);
          };
      long next = at + Records.RECORD + more;
      if (number < 0 || next > end) {
        throw new IOException("a record of type " + type + " is longer than its frame");
      }
      ended |= type == Records.END;
      at += Records.RECORD;
      visitor.record(type, state, number, position, at, file.at(at, (int) more));
      at = next;
    }
  }

  /** The end of a whole frame, else -1. */
  private long end(long at) throws IOException {
    if (file.length() - at < Records.FRAME) {
      return -1;
    }
    ByteBuffer head = file.at(at, Records.FRAME).slice();
    int length = head.getInt(4);
    if (head.getInt(0) != Records.MAGIC
        || head.getInt(20) != 0
        || length < 0
        || (length & 7) != 0
        || length > file.length() - at - Records.FRAME) {
      return -1;
    }
    int sum = head.getInt(16);
    CRC32C crc = Records.checksum(head, at);
    long from = at + Records.FRAME;
    for (long done = 0; done < length; done += Window.SIZE) {
      crc.update(file.at(from + done, (int) Math.min(Window.SIZE, length - done)));
    }
    return (int) crc.getValue() == sum ? from + length : -1;
  }

  /** A later frame knows whether this one was durable once: then it was not a crash. */
  private void refuseIfForced(long torn) throws IOException {
    for (long at = torn + 8; at <= file.length() - Records.FRAME; at += 8) {
      ByteBuffer head = file.at(at, Records.FRAME);
      int start = head.position();
      if (head.getInt(start) == Records.MAGIC && head.getLong(start + 8) > torn && end(at) >= 0) {
        throw new IOException(
            "the journal is damaged at byte " + torn + ", before what follows at byte " + at);
      }
    }
  }
}
