package dev.wherry.path.shared;

import io.netty.buffer.ByteBuf;
import java.util.List;

/**
 * What the old owner tells the new one.
 *
 * <pre>
 *  returned (byte) │ members (texts) │ runs │ runs that are absent │ losses (long)
 * </pre>
 *
 * @param returned the taker is where the owner took its blocks from: its store is valid but for the
 *     runs. Else it is valid in the runs alone, as far as they have arrived
 * @param members the owner's, the taker among them
 * @param absent what the owner has not got itself, where {@code returned}
 * @param losses as {@link ShareState#losses}; an owner that does not count them does not send it
 */
record HandoverAnswer(
    boolean returned, List<String> members, List<Run> runs, List<Run> absent, long losses) {
  ByteBuf write() {
    ByteBuf out = Payloads.buffer(256).writeBoolean(returned);
    Payloads.writeTexts(members, out);
    Run.write(runs, out);
    Run.write(absent, out);
    return out.writeLong(losses);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws IllegalArgumentException if it is malformed
   */
  static HandoverAnswer read(ByteBuf in, long blocks) {
    if (!in.isReadable()) {
      throw new IllegalArgumentException("an empty answer");
    }
    return new HandoverAnswer(
        in.readBoolean(),
        Payloads.readTexts(in),
        Run.read(in, blocks),
        Run.read(in, blocks),
        Payloads.readLosses(in, 0));
  }
}
