package dev.wherry.path.shared;

import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;

/**
 * Blocks that follow each other.
 *
 * @param from the first
 * @param end behind the last, more than {@code from}
 */
public record Run(long from, long end) {
  /** What a list may hold on the wire. */
  private static final int MOST = 4_000_000;

  long count() {
    return end - from;
  }

  /** Adds a run behind the last one of a list, or to it where they touch. */
  static void append(List<Run> runs, long from, long end) {
    int last = runs.size() - 1;
    if (last >= 0 && runs.get(last).end == from) {
      runs.set(last, new Run(runs.get(last).from, end));
    } else {
      runs.add(new Run(from, end));
    }
  }

  /**
   * Runs that have all blocks of a list, and if it is longer than {@code most}, some between them,
   * too.
   *
   * @param most more than 0
   */
  static List<Run> atMost(int most, List<Run> runs) {
    if (runs.size() <= most) {
      return runs;
    }
    int each = (runs.size() - 1) / most + 1;
    List<Run> fewer = new ArrayList<>(most);
    for (int i = 0; i < runs.size(); i += each) {
      int last = Math.min(runs.size(), i + each) - 1;
      fewer.add(new Run(runs.get(i).from, runs.get(last).end));
    }
    return fewer;
  }

  static long total(List<Run> runs) {
    return runs.stream().mapToLong(Run::count).sum();
  }

  /** Writes a list: its size (int), then per run the first block and the count (long each). */
  static void write(List<Run> runs, ByteBuf to) {
    to.writeInt(runs.size());
    for (Run r : runs) {
      to.writeLong(r.from).writeLong(r.count());
    }
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws IllegalArgumentException if it is not a list of runs in order below {@code blocks}
   */
  static List<Run> read(ByteBuf from, long blocks) {
    int size = from.readableBytes() < 4 ? -1 : from.readInt();
    if (size < 0 || size > MOST || from.readableBytes() < size * 16L) {
      throw new IllegalArgumentException("a list of " + size + " runs is not all there");
    }
    List<Run> runs = new ArrayList<>(size);
    long last = 0;
    for (int i = 0; i < size; i++) {
      long first = from.readLong();
      long count = from.readLong();
      if (first < last || count <= 0 || count > blocks - first) {
        throw new IllegalArgumentException(
            "run of " + count + " blocks at " + first + " of " + blocks + " is out of place");
      }
      last = first + count;
      runs.add(new Run(first, last));
    }
    return runs;
  }
}
