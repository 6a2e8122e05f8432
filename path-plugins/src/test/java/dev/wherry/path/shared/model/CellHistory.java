package dev.wherry.path.shared.model;

import dev.wherry.path.shared.model.Oracle.Cell;
import dev.wherry.path.shared.model.Oracle.Cover;
import dev.wherry.path.shared.model.Oracle.Loss;
import dev.wherry.path.shared.model.Oracle.Read;
import dev.wherry.path.shared.model.Oracle.Refusal;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Whether the answers about one cell are those of a register.
 *
 * <p>Every write has a value of its own, so it is enough to look at the values one by one (Gibbons
 * and Korach, "Testing shared memories"). All that was seen of a value, its write and the reads
 * that found it, spans a zone from the first end to the last begin. Where the first end is earlier
 * the value was certainly there in between: such zones must not overlap. Where it is later the
 * value was there at some moment of the zone: it must not lie within a zone of another value.
 *
 * <p>A power loss begins a new era: what it begins with is one of the values that were not
 * certainly replaced by one that is durable. A write whose end nobody saw may take effect at any
 * later time, or never.
 */
final class CellHistory {
  private static final long NEVER = Long.MAX_VALUE;

  private final int number;
  private final Cell cell;
  private final List<Cover> covers;
  private final List<Refusal> refusals;
  private final List<Loss> losses;

  /** What the era may begin with; a null among them is the zero of the very beginning. */
  private Set<@Nullable HostOp> candidates = new HashSet<>();

  private boolean anything;

  CellHistory(
      int number, Cell cell, List<Cover> covers, List<Refusal> refusals, List<Loss> losses) {
    this.number = number;
    this.cell = cell;
    this.covers = covers;
    this.refusals = refusals;
    this.losses = losses;
  }

  /** All that was seen of one value in one era. */
  private static final class Zone {
    final @Nullable HostOp write;
    final long writeBegan;
    final long settled;
    long firstEnd;
    long lastBegin;

    Zone(@Nullable HostOp write, long began, long ended) {
      this.write = write;
      this.writeBegan = began;
      this.settled = write != null && write.repeated ? ended : 0;
      this.firstEnd = ended;
      this.lastBegin = began;
    }

    void read(HostOp read) {
      if (read.ended < settled) {
        // It may be written once more.
        return;
      }
      firstEnd = Math.min(firstEnd, read.ended);
      lastBegin = Math.max(lastBegin, read.began);
    }

    boolean forward() {
      return firstEnd < lastBegin;
    }

    @Override
    public String toString() {
      return write == null ? "what was there before" : write.toString();
    }
  }

  void judge() {
    if (cell.reads.isEmpty()) {
      return;
    }
    candidates.add(null);
    long from = 0;
    for (Loss loss : losses) {
      era(from, loss.at(), loss);
      from = loss.at();
    }
    era(from, NEVER, null);
  }

  private Violation wrong(Read read, String why) {
    return new Violation(
        read.op()
            + " found in cell "
            + number
            + " the content of "
            + name(read.stamp())
            + ": "
            + why,
        number,
        null);
  }

  private static String name(int stamp) {
    return stamp == 0 ? "zeroes" : "write " + stamp;
  }

  // ------------------------------------------------------------------ one era

  private void era(long from, long end, @Nullable Loss loss) {
    Map<HostOp, Zone> zones = new LinkedHashMap<>();
    for (HostOp w : cell.writes) {
      if (w.began < end && w.ended > from) {
        boolean acknowledged = w.ok && w.began > from && w.kind != HostOp.Kind.TRIM && !w.fenced;
        zones.put(w, new Zone(w, Math.max(w.began, from), acknowledged ? w.ended : NEVER));
      }
    }
    Zone beginning = null;
    HostOp first = null;
    for (Read read : cell.reads) {
      HostOp op = read.op();
      if (op.fenced || op.began <= from || op.ended > end) {
        continue;
      }
      Zone zone = read.stamp() == 0 ? null : zoneOf(read, zones);
      if (read.stamp() == 0) {
        List<Zone> explanations = zeroes(op, zones);
        boolean old = canBeginWithZero(first, beginning != null) && !replaced(from, op, zones);
        if (explanations.isEmpty() && !old) {
          if (!cell.disposable) {
            throw wrong(read, "something was written, and nothing has zeroed it since");
          }
          continue;
        }
        if (cell.disposable || explanations.size() + (old ? 1 : 0) > 1) {
          continue;
        }
        if (old) {
          beginning = beginning == null ? new Zone(null, from, from) : beginning;
          beginning.read(op);
        } else {
          explanations.get(0).read(op);
        }
        continue;
      }
      if (zone == null) {
        HostOp writer = oldWriter(read);
        if (anything) {
          continue;
        }
        if (writer == null || (beginning != null && first != writer)) {
          throw wrong(
              read,
              beginning == null
                  ? "it was replaced by what is durable, before the last power loss"
                  : "after the last power loss there was something else: " + name(stampOf(first)));
        }
        first = writer;
        beginning = beginning == null ? new Zone(null, from, from) : beginning;
        zone = beginning;
      }
      zone.read(op);
    }
    List<Zone> all = new ArrayList<>(zones.values());
    if (beginning != null) {
      all.add(beginning);
    }
    compare(all);
    if (loss != null) {
      candidates = next(from, end, loss, first, beginning != null, zones.keySet());
    }
  }

  private static int stampOf(@Nullable HostOp op) {
    return op == null ? 0 : op.stamp();
  }

  private @Nullable Zone zoneOf(Read read, Map<HostOp, Zone> zones) {
    for (Map.Entry<HostOp, Zone> e : zones.entrySet()) {
      if (e.getKey().stamp() == read.stamp()) {
        if (e.getValue().writeBegan > read.op().ended) {
          throw wrong(read, "before it was written");
        }
        return e.getValue();
      }
    }
    return null;
  }

  private @Nullable HostOp oldWriter(Read read) {
    for (HostOp w : candidates) {
      if (w != null && w.stamp() == read.stamp()) {
        return w;
      }
    }
    return null;
  }

  // ------------------------------------------------------------------ zeroes have no stamp

  private boolean canBeginWithZero(@Nullable HostOp first, boolean known) {
    if (known) {
      return stampOf(first) == 0;
    }
    return anything || candidates.stream().anyMatch(w -> stampOf(w) == 0);
  }

  /** Those that may have put the zeroes there that a read found. */
  private static List<Zone> zeroes(HostOp read, Map<HostOp, Zone> zones) {
    List<Zone> found = new ArrayList<>();
    zones.forEach(
        (w, z) -> {
          if (w.stamp() == 0 && z.writeBegan < read.ended) {
            boolean known = w.ok && !w.fenced && w.began == z.writeBegan;
            if (!replaced(known ? w.ended : NEVER, read, zones)) {
              found.add(z);
            }
          }
        });
    return found;
  }

  /** Whether something was written, and certainly after {@code ended} and before the read. */
  private static boolean replaced(long ended, HostOp read, Map<HostOp, Zone> zones) {
    for (HostOp w : zones.keySet()) {
      if (w.ok
          && !w.fenced
          && w.kind == HostOp.Kind.WRITE
          && w.began > ended
          && w.ended < read.began) {
        return true;
      }
    }
    return false;
  }

  // ------------------------------------------------------------------ the order of values

  private void compare(List<Zone> zones) {
    if (cell.disposable && zones.size() > 64) {
      return;
    }
    List<Zone> forward = new ArrayList<>();
    for (Zone z : zones) {
      if (z.forward()) {
        forward.add(z);
      }
    }
    forward.sort(Comparator.comparingLong(z -> z.firstEnd));
    for (int i = 1; i < forward.size(); i++) {
      Zone a = forward.get(i - 1);
      Zone b = forward.get(i);
      if (b.firstEnd < a.lastBegin) {
        throw new Violation(
            "cell "
                + number
                + ": hosts saw "
                + a
                + ", then "
                + b
                + ", then "
                + a
                + " again, or the"
                + " other way round",
            number,
            null);
      }
    }
    for (Zone z : zones) {
      if (z.forward() || z.firstEnd == NEVER) {
        continue;
      }
      for (Zone f : forward) {
        if (f.firstEnd < z.lastBegin && z.firstEnd < f.lastBegin) {
          throw new Violation(
              "cell " + number + ": hosts saw " + f + " before and after " + z, number, null);
        }
      }
    }
  }

  // ------------------------------------------------------------------ what a loss leaves

  private Set<@Nullable HostOp> next(
      long from, long end, Loss loss, @Nullable HostOp first, boolean known, Set<HostOp> writes) {
    Set<@Nullable HostOp> left = new HashSet<>();
    if (loss.node() == null) {
      anything = true;
    }
    HostOp durable = null;
    for (HostOp w : writes) {
      if (w.ok && w.ended < end && isDurable(w, from, end) && w.kind != HostOp.Kind.TRIM) {
        durable = durable == null || w.began > durable.began ? w : durable;
      }
    }
    for (HostOp w : candidates) {
      // What the era began with may have come after a write that was under way when it began.
      boolean here = !known || stampOf(w) == stampOf(first);
      if (here && (durable == null || (durable.began <= from && !replaced(w, durable)))) {
        left.add(w);
      }
    }
    for (HostOp w : writes) {
      if (durable == null || !replaced(w, durable)) {
        left.add(w);
      }
    }
    return left;
  }

  /** Whether a write, or what was there before the first one, certainly came before another. */
  private static boolean replaced(@Nullable HostOp write, HostOp by) {
    return write == null || (write.ok && write.ended < by.began);
  }

  private boolean isDurable(HostOp write, long from, long loss) {
    if (write.fua) {
      return true;
    }
    // Its answer may have been under way when the power went last.
    boolean whole = write.began > from;
    for (Cover c : covers) {
      boolean sawNoLoss = whole && c.began() < loss;
      boolean answersForIt = c.by(write.life) && !wasTold(write, c);
      if (c.began() > write.ended && (sawNoLoss || answersForIt)) {
        return true;
      }
    }
    return false;
  }

  /** Whether a flush failed that was to cover the write, before the one that did not began. */
  private boolean wasTold(HostOp write, Cover flush) {
    return refusals.stream()
        .anyMatch(
            r ->
                r.life().serves(write.life)
                    && r.began() > write.ended
                    && r.ended() < flush.began());
  }
}
