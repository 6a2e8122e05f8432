package dev.wherry.path.shared;

import io.netty.buffer.ByteBuf;
import java.util.List;

/**
 * What the old owner tells the new one.
 *
 * <pre>
 *  returned (byte) │ complete (byte) │ members (texts) │ runs │ runs that are the same │ losses (long)
 * </pre>
 *
 * @param returned as in {@link Differences}
 * @param complete the runs are all that has changed since the taker's {@link
 *     dev.wherry.path.link.Op#PREPARE}; else it is to ask for the differences once more
 * @param members the owner's, the taker among them
 * @param runs where the taker's store is not valid (any more)
 * @param same what the owner and its source have in common by now, where {@code returned}
 * @param losses as {@link ShareState#losses}
 */
record HandoverAnswer(
    boolean returned,
    boolean complete,
    List<String> members,
    List<Run> runs,
    List<Run> same,
    long losses) {
  ByteBuf write() {
    ByteBuf out = Payloads.buffer(256).writeBoolean(returned).writeBoolean(complete);
    Payloads.writeTexts(members, out);
    Run.write(runs, out);
    Run.write(same, out);
    return out.writeLong(losses);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws IllegalArgumentException if it is malformed
   */
  static HandoverAnswer read(ByteBuf in, long blocks) {
    if (in.readableBytes() < 2) {
      throw new IllegalArgumentException("an answer of " + in.readableBytes() + " bytes");
    }
    return new HandoverAnswer(
        in.readBoolean(),
        in.readBoolean(),
        Payloads.readTexts(in),
        Run.read(in, blocks),
        Run.read(in, blocks),
        Payloads.readLosses(in, 0));
  }
}
