package dev.wherry.path.shared.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What happened, for people. */
final class Log {
  private record Entry(long at, int from, int end, boolean detail, Object what) {}

  /** What a request found in a cell. */
  record Found(HostOp op, int stamp) {
    @Override
    public String toString() {
      return op.life + " found " + (stamp == 0 ? "zeroes" : stamp) + " by " + op.number;
    }
  }

  private final Simulation simulation;
  private final List<Entry> entries = new ArrayList<>();

  Log(Simulation simulation) {
    this.simulation = simulation;
  }

  /** Something that concerns all. */
  void note(Object what) {
    entries.add(new Entry(simulation.now(), 0, Integer.MAX_VALUE, false, what));
  }

  /** Something about some cells. */
  void note(int from, int end, Object what) {
    entries.add(new Entry(simulation.now(), from, end, false, what));
  }

  /** What a request found in a cell: of no interest to others. */
  void found(HostOp op, int cell, int stamp) {
    entries.add(new Entry(simulation.now(), cell, cell + 1, true, new Found(op, stamp)));
  }

  /**
   * The last events.
   *
   * @param cell those about others are left out; -1 for all
   */
  String last(int count, int cell) {
    List<String> lines = new ArrayList<>();
    for (Entry e : entries) {
      if (cell < 0 ? !e.detail : e.from <= cell && cell < e.end) {
        lines.add(String.format(Locale.ROOT, "  %12.3f ms  %s", e.at / 1e6, e.what));
      }
    }
    int from = Math.max(0, lines.size() - count);
    String left = from == 0 ? "" : "  ... " + from + " earlier\n";
    return left + String.join("\n", lines.subList(from, lines.size()));
  }
}
