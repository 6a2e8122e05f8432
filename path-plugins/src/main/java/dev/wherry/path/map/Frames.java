package dev.wherry.path.map;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Takes a map's file apart. The format is drawn at {@link Records}. For one thread. */
final class Frames {
  /** Takes records, in the order of the file. */
  interface Visitor {
    /**
     * Takes one.
     *
     * @param more where in the file that is which follows the record's fixed part
     */
    void record(int type, int state, int number, long position, int more) throws IOException;
  }

  private final ByteBuffer file;

  /** The part between the buffer's 0 and its limit. */
  Frames(ByteBuffer file) {
    this.file = file;
  }

  /**
   * Visits all records up to a torn end.
   *
   * @return the end of what was read; less than the limit if a torn tail follows
   * @throws IOException if the file is not whole where a crash cannot have torn it
   */
  int visit(Visitor visitor) throws IOException {
    int at = 0;
    boolean[] ended = new boolean[1];
    while (at < file.limit()) {
      ByteBuffer payload = payload(at);
      if (payload == null) {
        if (!ended[0]) {
          throw new IOException(
              (at == 0 ? "not a block map, or its header is" : "the checkpoint is")
                  + " damaged at byte "
                  + at
                  + " of "
                  + file.limit());
        }
        refuseIfForced(at);
        return at;
      }
      int end = at + Records.FRAME + payload.remaining();
      records(
          payload,
          at,
          (type, state, number, position, more) -> {
            ended[0] |= type == Records.END;
            visitor.record(type, state, number, position, more);
          });
      at = end;
    }
    if (!ended[0]) {
      throw new IOException("the checkpoint ends early, at byte " + at);
    }
    return at;
  }

  private static void records(ByteBuffer payload, int at, Visitor visitor) throws IOException {
    while (payload.hasRemaining()) {
      int type = payload.get();
      int state = payload.get();
      payload.getShort();
      int number = payload.getInt();
      long position = payload.getLong();
      int more =
          switch (type) {
            case Records.HEADER -> 16;
            case Records.SET -> 8;
            case Records.PAGE -> Slabs.PAGE;
            case Records.INTENT -> number * 8;
            case Records.DIFFER, Records.CLEAN, Records.END -> 0;
            default -> throw new IOException("a record of the unknown type " + type);
          };
      int end = payload.position() + more;
      if (number < 0 || end > payload.limit()) {
        throw new IOException("a record of type " + type + " is longer than its frame");
      }
      visitor.record(type, state, number, position, at + payload.position());
      payload.position(end);
    }
  }

  /** The payload of a whole frame, else null. */
  private ByteBuffer payload(int at) {
    if (file.limit() - at < Records.FRAME || file.getInt(at) != Records.MAGIC) {
      return null;
    }
    int length = file.getInt(at + 4);
    if (length < 0 || (length & 7) != 0 || length > file.limit() - at - Records.FRAME) {
      return null;
    }
    ByteBuffer frame = file.slice(at, Records.FRAME + length);
    if (Records.checksum(frame, at) != frame.getInt(16)) {
      return null;
    }
    return frame.position(Records.FRAME);
  }

  /** A later frame knows whether this one was durable once: then it was not a crash. */
  private void refuseIfForced(int torn) throws IOException {
    for (int at = torn + 8; at <= file.limit() - Records.FRAME; at += 8) {
      if (file.getInt(at) == Records.MAGIC && file.getLong(at + 8) > torn && payload(at) != null) {
        throw new IOException(
            "the journal is damaged at byte " + torn + ", before what follows at byte " + at);
      }
    }
  }
}
