package dev.wherry.path.shared;

import java.util.ArrayList;
import java.util.List;
import org.roaringbitmap.RoaringBitmap;

/**
 * A set of blocks that many threads change at once; a change is visible to every later look. It
 * takes about two bytes for a block that stands alone, and next to nothing for a long run: 65,536
 * blocks never take more than 8 KiB.
 */
final class BlockSet {
  /** Blocks that one bitmap can number. */
  private static final int PART_SHIFT = 32;

  private static final long PART = 1L << PART_SHIFT;

  /** Additions between two looks at the memory, which takes a while. */
  private static final int LOOK_EVERY = 65_536;

  private final List<RoaringBitmap> parts = new ArrayList<>(1);
  private final long most;
  private int added;
  private boolean overflowed;

  BlockSet() {
    this(Long.MAX_VALUE);
  }

  /**
   * One that is given up where its blocks are scattered so much that it takes more than that.
   *
   * @param most bytes, about
   */
  BlockSet(long most) {
    this.most = most;
  }

  /** Whether it was given up, and has nothing of what was added. */
  synchronized boolean overflowed() {
    return overflowed;
  }

  synchronized void add(long from, long end) {
    if (overflowed) {
      return;
    }
    if (most < Long.MAX_VALUE && ++added % LOOK_EVERY == 0 && memory() > most) {
      overflowed = true;
      parts.clear();
      return;
    }
    for (long at = from; at < end; ) {
      int part = (int) (at >> PART_SHIFT);
      long stop = Math.min(end, start(part + 1));
      while (parts.size() <= part) {
        parts.add(new RoaringBitmap());
      }
      parts.get(part).add(at - start(part), stop - start(part));
      at = stop;
    }
  }

  synchronized void remove(long from, long end) {
    for (long at = from; at < end; ) {
      int part = (int) (at >> PART_SHIFT);
      long stop = Math.min(end, start(part + 1));
      if (part >= parts.size()) {
        return;
      }
      parts.get(part).remove(at - start(part), stop - start(part));
      at = stop;
    }
  }

  synchronized boolean contains(long block) {
    int part = (int) (block >> PART_SHIFT);
    return part < parts.size() && parts.get(part).contains((int) block);
  }

  synchronized void clear() {
    parts.clear();
  }

  /** The first block from {@code from} on that is (not) in the set, or {@code end}. */
  synchronized long next(boolean in, long from, long end) {
    for (long at = from; at < end; at = start((int) (at >> PART_SHIFT) + 1)) {
      int part = (int) (at >> PART_SHIFT);
      if (part >= parts.size()) {
        return in ? end : at;
      }
      RoaringBitmap p = parts.get(part);
      long found = in ? p.nextValue((int) at) : p.nextAbsentValue((int) at);
      // Of the last block of a part there may be no next: -1, or one of the next part.
      if (found >= 0 && found < PART) {
        return Math.min(end, start(part) + found);
      }
    }
    return end;
  }

  /** The runs of blocks that are in the set, below {@code end}. */
  List<Run> runs(long end) {
    return runs(0, end, Integer.MAX_VALUE);
  }

  /** The first runs in a range. */
  synchronized List<Run> runs(long from, long end, int most) {
    List<Run> runs = new ArrayList<>();
    for (long at = next(true, from, end); at < end && runs.size() < most; ) {
      long to = next(false, at, end);
      runs.add(new Run(at, to));
      at = next(true, to, end);
    }
    return runs;
  }

  /** Bytes that it takes, about. */
  synchronized long memory() {
    return parts.stream().mapToLong(RoaringBitmap::getLongSizeInBytes).sum();
  }

  private static long start(int part) {
    return (long) part << PART_SHIFT;
  }
}
