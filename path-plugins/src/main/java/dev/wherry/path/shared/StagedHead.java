package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import io.netty.buffer.ByteBuf;

/**
 * What stands at the beginning of the file in which a batch is {@linkplain Staging staged}.
 *
 * <pre>
 *   magic "WHBATCH1" (8)   version (4)   state (4): 1 applied, 2 committed, 3 lost
 *   sequence (8)   number of the batch (8)   epoch of its owner (8)
 *   pieces (8)   end of the pieces in the file (8)   CRC-32C of all that (4)
 * </pre>
 *
 * The version is 1, but 2 where the state is 3, which those who know only version 1 do not.
 *
 * @param state {@link #APPLIED}, {@link #COMMITTED} or {@link #LOST}
 * @param sequence grows with each head that is written
 * @param number of the batch
 * @param epoch of its owner
 * @param pieces how many there are
 * @param end of the pieces, in bytes from the beginning of the file
 */
record StagedHead(int state, long sequence, long number, long epoch, long pieces, long end) {
  /** How long one is, in bytes. */
  static final int BYTES = 60;

  /** Where the second one is, in bytes from the beginning of the file. */
  static final int SLOT = 4096;

  /** Where the pieces begin, in bytes from the beginning of the file. */
  static final long PIECES = 2L * SLOT;

  static final int APPLIED = 1;
  static final int COMMITTED = 2;
  static final int LOST = 3;

  private static final long MAGIC = 0x5748_4241_5443_4831L;
  private static final int VERSION = 1;
  private static final int VERSION_LOST = 2;

  /** No batch was staged. */
  private static final StagedHead NONE = new StagedHead(APPLIED, 0, 0, 0, 0, PIECES);

  /** The one that is written after this. */
  StagedHead next(int newState, long newNumber, long newEpoch, long newPieces, long newEnd) {
    return new StagedHead(newState, sequence + 1, newNumber, newEpoch, newPieces, newEnd);
  }

  /** Of two that are in the file, the one that counts. */
  StagedHead newer(StagedHead other) {
    return sequence > other.sequence ? this : other;
  }

  /**
   * Reads one, or that there is none which is whole. Releases the bytes.
   *
   * @throws NbdException EIO if it has a version that is not known
   */
  static StagedHead take(ByteBuf in) {
    try {
      return read(in);
    } finally {
      in.release();
    }
  }

  private static StagedHead read(ByteBuf in) {
    if (in.readableBytes() < BYTES || in.getLong(in.readerIndex()) != MAGIC) {
      return NONE;
    }
    int crc = StagedPieces.crc(in.slice(in.readerIndex(), BYTES - 4));
    in.skipBytes(8);
    int version = in.readInt();
    StagedHead h =
        new StagedHead(
            in.readInt(),
            in.readLong(),
            in.readLong(),
            in.readLong(),
            in.readLong(),
            in.readLong());
    if (in.readInt() != crc) {
      return NONE;
    }
    if (version != VERSION && version != VERSION_LOST) {
      throw new NbdException(
          NbdError.EIO,
          "the staged batch has version "
              + version
              + ", known are "
              + VERSION
              + " and "
              + VERSION_LOST);
    }
    return h;
  }

  /** Where it is written, in bytes from the beginning of the file: not over the one before it. */
  long slot() {
    return (sequence & 1) * SLOT;
  }

  /** As it is written; the caller's. */
  ByteBuf bytes() {
    ByteBuf out = Payloads.buffer(BYTES);
    out.writeLong(MAGIC).writeInt(state == LOST ? VERSION_LOST : VERSION);
    out.writeInt(state).writeLong(sequence);
    out.writeLong(number).writeLong(epoch).writeLong(pieces).writeLong(end);
    return out.writeInt(StagedPieces.crc(out));
  }
}
