package dev.wherry.path.shared.model;

import dev.wherry.path.shared.model.Oracle.Cell;
import dev.wherry.path.shared.model.Oracle.Loss;
import org.jspecify.annotations.Nullable;

/**
 * Judges the store of the node that is the owner's source, as it would be found if the owner were
 * lost for good:
 *
 * <ul>
 *   <li>It is as of one moment: who finds a write there finds every write that was answered before
 *       that one was asked for. Except after a power loss at a source that got writes at once,
 *       until it is sent the next batch.
 *   <li>It has what was answered when a flush was asked for whose answer the source had a part in:
 *       at the hand-over, and at every flush under {@code through} that is not degraded.
 *   <li>A write that was answered under {@code through}, not degraded, is there.
 * </ul>
 */
final class SourceOracle {
  /** The stamp of a cell that the store has not got. */
  static final int UNKNOWN = -2;

  private final Oracle oracle;
  private final Cells cells;
  private @Nullable String source;
  private boolean whole;
  private boolean loose;
  private long floor;
  private long lastLoss;
  private long lastCommit;

  SourceOracle(Oracle oracle, Cells cells) {
    this.oracle = oracle;
    this.cells = cells;
  }

  /** The node whose store is judged, or the server, or null. */
  @Nullable String source() {
    return source;
  }

  // ------------------------------------------------------------------ what happens

  /** A node gave the ownership away, with its store as the volume was. */
  void gaveAway(String node, long now) {
    source = node;
    whole = true;
    loose = false;
    floor = now;
    lastLoss = 0;
    lastCommit = now;
  }

  /** A node owns the volume, and this is its source. */
  void owned(@Nullable String itsSource) {
    if (source == null || !source.equals(itsSource)) {
      source = itsSource;
      whole = false;
      // A server is never sent anything else than writes of their own.
      loose = NbdServer.URI.equals(itsSource);
      floor = 0;
      lastLoss = 0;
      lastCommit = Long.MAX_VALUE;
    }
  }

  /** The ownership was taken by force: nothing is promised any more. */
  void forced() {
    source = null;
  }

  /** The source was sent a write of its own. */
  void written(String node) {
    if (node.equals(source)) {
      loose = true;
    }
  }

  /** The source is asked to have a batch, and may have it at any time from now on. */
  void committing(String node) {
    if (node.equals(source)) {
      lastCommit = Long.MAX_VALUE;
    }
  }

  /** The source says that it has a batch. */
  void committed(String node, long now) {
    if (node.equals(source)) {
      whole = true;
      loose = false;
      lastCommit = now;
    }
  }

  void losesPower(String node, long now) {
    if (node.equals(source)) {
      whole &= !loose;
      lastLoss = now;
    }
  }

  /** All that was answered before {@code began} is in the source, durably. */
  void covers(long began) {
    floor = Math.max(floor, began);
  }

  // ------------------------------------------------------------------ judging

  /**
   * Judges the store.
   *
   * @param stamps of all cells, or {@link #UNKNOWN}
   */
  void judge(int[] stamps, String when) {
    HostOp latest = null;
    for (int c = 0; c < stamps.length; c++) {
      if (stamps[c] == Cells.TORN && !oracle.cell(c).disposable && !cells.straddles(c)) {
        throw wrong(c, "what nobody wrote", when);
      }
      HostOp found = stamps[c] > 0 ? writer(c, stamps[c]) : null;
      if (stamps[c] > 0 && found == null) {
        throw wrong(c, "the content of write " + stamps[c] + ", which was not made", when);
      }
      if (found != null && (latest == null || found.began > latest.began)) {
        latest = found;
      }
    }
    for (int c = 0; c < stamps.length; c++) {
      HostOp durable = lacking(c, stamps[c], floor);
      if (durable != null) {
        throw wrong(c, name(stamps[c]) + ", and lacks what is durable there: " + durable, when);
      }
      HostOp before = whole && latest != null ? lacking(c, stamps[c], latest.began) : null;
      if (before != null) {
        throw wrong(
            c,
            name(stamps[c]) + ": it has " + latest + " and lacks " + before + " before it",
            when);
      }
    }
  }

  /** Judges that the source has a write which was answered just now. */
  void judgeAnswered(HostOp write, int[] stamps) {
    if (write.began < lastLoss) {
      return;
    }
    for (int c = write.from; c < write.end; c++) {
      if (!cells.straddles(c) && lacking(c, stamps[c], write)) {
        throw wrong(c, name(stamps[c]) + ", although it was answered", write.toString());
      }
    }
  }

  /** Judges that source and owner have the same. */
  void judgeEqual(int[] there, int[] here) {
    for (int c = 0; c < there.length; c++) {
      boolean known = there[c] >= 0 && here[c] >= 0;
      if (known && there[c] != here[c]) {
        throw wrong(c, name(there[c]) + ", the owner " + name(here[c]), "when nothing is behind");
      }
    }
  }

  private Violation wrong(int cell, String what, String when) {
    return new Violation(
        "the store of "
            + source
            + ", which is the source, has in cell "
            + cell
            + " "
            + what
            + "; "
            + when,
        cell,
        null);
  }

  private static String name(int stamp) {
    return stamp == 0 ? "zeroes" : "write " + stamp;
  }

  private @Nullable HostOp writer(int cell, int stamp) {
    for (HostOp w : oracle.cell(cell).writes) {
      if (w.stamp() == stamp) {
        return w;
      }
    }
    return null;
  }

  /**
   * A write that ended before {@code until}, is missing, and was not lost with the owner's power.
   */
  private @Nullable HostOp lacking(int cell, int stamp, long until) {
    Cell c = oracle.cell(cell);
    if (stamp < 0 || c.disposable || until == 0) {
      return null;
    }
    for (HostOp w : c.writes) {
      if (w.ended < until && lacking(cell, stamp, w)) {
        return w;
      }
    }
    return null;
  }

  /** Whether a cell certainly holds what was there before a write. */
  private boolean lacking(int cell, int stamp, HostOp write) {
    Cell c = oracle.cell(cell);
    if (stamp < 0
        || c.disposable
        || !write.ok
        || write.fenced
        || write.kind == HostOp.Kind.TRIM
        || write.stamp() == stamp
        || mayBeLost(write)) {
      return false;
    }
    for (HostOp e : c.writes) {
      if (e.stamp() == stamp && (!e.ok || e.fenced || e.ended >= write.began)) {
        return false;
      }
    }
    return true;
  }

  /** Whether the owner may have lost it, and that have come to the source. */
  private boolean mayBeLost(HostOp write) {
    // What was answered after the last batch was lost before it could be in one.
    boolean sent = write.ended <= lastCommit;
    long until = loose || !sent ? Long.MAX_VALUE : lastCommit;
    for (Loss loss : oracle.losses()) {
      if (loss.at() > write.began && loss.at() < until && !oracle.isDurable(write, loss.at())) {
        return true;
      }
    }
    return false;
  }
}
