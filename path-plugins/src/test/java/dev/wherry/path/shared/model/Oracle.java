package dev.wherry.path.shared.model;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Judges what hosts were answered: for every cell, whether one disk could have given these answers.
 * It collects while the schedule runs; {@link CellHistory} decides afterwards.
 */
final class Oracle {
  /**
   * What is flushed, since all that had been answered before {@code began} is.
   *
   * @param ended when that was so
   * @param life of the node that asked; null where a hand-over did
   */
  record Cover(long began, long ended, @Nullable Life life) {
    /** Whether the hosts of a life asked for it. */
    boolean by(Life one) {
      return life != null && life.serves(one);
    }
  }

  /** A flush that failed: its host takes nothing for durable that it was answered before. */
  record Refusal(long began, long ended, Life life) {}

  /** What a read found. */
  record Read(HostOp op, int stamp) {}

  /**
   * A moment at which a cell may have changed on its own.
   *
   * @param node where the power was lost, or null: the ownership was taken by force and anything
   *     that was ever written may be there
   */
  record Loss(long at, @Nullable String node) {}

  /** What is known of one cell. */
  static final class Cell {
    final List<HostOp> writes = new ArrayList<>();
    final List<Read> reads = new ArrayList<>();

    /** Some policy lets it be lost when it is not here. */
    boolean disposable;
  }

  private final Cells cells;
  private final Cell[] all;
  private final List<Cover> covers = new ArrayList<>();
  private final List<Refusal> refusals = new ArrayList<>();
  private final List<Loss> losses = new ArrayList<>();

  Oracle(Cells cells) {
    this.cells = cells;
    this.all = new Cell[cells.count()];
    for (int i = 0; i < all.length; i++) {
      all[i] = new Cell();
    }
  }

  void begins(HostOp op) {
    if (op.changes()) {
      for (int c = op.from; c < op.end; c++) {
        all[c].writes.add(op);
      }
    }
  }

  void found(HostOp read, int cell, int stamp) {
    if (stamp == Cells.TORN) {
      // What crosses a page is no one unit to concurrent requests, nor to a crash.
      if (all[cell].disposable || cells.straddles(cell)) {
        return;
      }
      throw new Violation(read + " found in cell " + cell + " what nobody wrote", cell, null);
    }
    all[cell].reads.add(new Read(read, stamp));
  }

  void covers(long began, long ended, @Nullable Life life) {
    covers.add(new Cover(began, ended, life));
  }

  void refused(long began, long ended, Life life) {
    refusals.add(new Refusal(began, ended, life));
  }

  /**
   * Whether a flush may fail: something was lost since the last one of the same hosts that did not
   * began.
   */
  boolean mayRefuse(HostOp flush) {
    long before =
        covers.stream()
            .filter(c -> c.by(flush.life) && c.ended() < flush.began)
            .mapToLong(Cover::began)
            .max()
            .orElse(0);
    return losses.stream().anyMatch(l -> l.at() > before);
  }

  void loses(long at, @Nullable String node) {
    losses.add(new Loss(at, node));
  }

  /** Bytes that a policy {@code fail} was ever in force for. */
  void disposable(long offset, long length) {
    for (int c = cells.at(offset); c <= cells.at(offset + length - 1); c++) {
      all[c].disposable = true;
    }
  }

  boolean disposable(HostOp op) {
    for (int c = op.from; c < op.end; c++) {
      if (all[c].disposable) {
        return true;
      }
    }
    return false;
  }

  Cell cell(int number) {
    return all[number];
  }

  List<Loss> losses() {
    return losses;
  }

  /** Whether a write that was answered is durable at the owner at some time. */
  boolean isDurable(HostOp write, long at) {
    if (write.fua) {
      return write.ended < at;
    }
    for (Cover c : covers) {
      if (c.began() > write.ended && c.ended() < at) {
        return true;
      }
    }
    return false;
  }

  void judge() {
    for (int c = 0; c < all.length; c++) {
      new CellHistory(c, all[c], covers, refusals, losses).judge();
    }
  }
}
