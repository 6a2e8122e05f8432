package dev.wherry.path.shared;

import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A stretch of what a taker must know of the owner's store before it serves: the answer to {@link
 * dev.wherry.path.link.Op#DIFFERENCES}.
 *
 * <pre>
 *  returned (byte) │ next (long) │ runs │ runs that are absent
 * </pre>
 *
 * @param returned the taker is where the owner takes its blocks from: its store is valid but for
 *     the runs. Else it is valid in the runs alone, as far as they have arrived
 * @param next the first block that this says nothing about
 * @param absent what the owner has not got itself, where {@code returned}
 */
record Differences(boolean returned, long next, List<Run> runs, List<Run> absent) {
  /** Runs of one answer, about. */
  static final int MOST = 32_768;

  /** Of a store that the taker is the source of, from a block on. */
  static Differences returned(@Nullable BlockMap map, long from, long blocks) {
    if (map == null) {
      return new Differences(true, blocks, List.of(new Run(from, blocks)), List.of());
    }
    List<Run> dirty = new ArrayList<>();
    List<Run> absent = new ArrayList<>();
    long at = from;
    while (at < blocks && dirty.size() + absent.size() < MOST) {
      long to = map.runEnd(at, blocks);
      int state = map.state(at);
      if (state == BlockMap.NOT_HERE) {
        Run.append(absent, at, to);
      } else if (state != BlockMap.SAME) {
        Run.append(dirty, at, to);
      }
      at = to;
    }
    return new Differences(true, at, dirty, absent);
  }

  /**
   * Of a store that the taker has a part of.
   *
   * @param valid the first {@link #MOST} runs that it was sent and that are as they were
   */
  static Differences valid(List<Run> valid, long blocks) {
    long next = valid.size() < MOST ? blocks : valid.get(MOST - 1).end();
    return new Differences(false, next, valid, List.of());
  }

  ByteBuf write() {
    ByteBuf out = Payloads.buffer(32 + 16 * (runs.size() + absent.size()));
    out.writeBoolean(returned).writeLong(next);
    Run.write(runs, out);
    Run.write(absent, out);
    return out;
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @param from the first block that was asked for
   * @throws IllegalArgumentException if it is malformed
   */
  static Differences read(ByteBuf in, long from, long blocks) {
    if (in.readableBytes() < 9) {
      throw new IllegalArgumentException("an answer of " + in.readableBytes() + " bytes");
    }
    boolean returned = in.readBoolean();
    long next = in.readLong();
    if (next <= from || next > blocks) {
      throw new IllegalArgumentException(
          "blocks " + from + " to " + next + " of " + blocks + " are out of place");
    }
    return new Differences(returned, next, Run.read(in, next), Run.read(in, next));
  }
}
