package dev.wherry.path.shared.model;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;

/**
 * What is left of a store when its daemon dies. Reads see the page cache; {@code kill -9} leaves
 * the page cache; a power loss leaves what was flushed and, of the rest, each cell or not.
 */
final class Platter {
  private static final int PAGE = 4096;

  private final Cells cells;
  private final byte[] cached;
  private final byte[] durable;
  private final int[] version;
  private final int[] durableVersion;
  private final BitSet dirty = new BitSet();

  /** Pages that have room already. */
  private final BitSet taken = new BitSet();

  private boolean freed;

  /** What a flush has to make durable, as it is when it begins. */
  static final class Capture {
    private final int[] cells;
    private final int[] versions;
    private final byte[][] contents;

    private Capture(int[] cells, int[] versions, byte[][] contents) {
      this.cells = cells;
      this.versions = versions;
      this.contents = contents;
    }
  }

  Platter(Cells cells) {
    this.cells = cells;
    this.cached = new byte[cells.size()];
    this.durable = new byte[cells.size()];
    this.version = new int[cells.count()];
    this.durableVersion = new int[cells.count()];
  }

  /** The daemon has deleted it. */
  void free() {
    freed = true;
  }

  boolean freed() {
    return freed;
  }

  /** Whether writing there takes no more room. */
  boolean hasRoom(long offset, int length) {
    int end = (int) ((offset + length - 1) / PAGE) + 1;
    return length == 0 || taken.nextClearBit((int) (offset / PAGE)) >= end;
  }

  /** Gives back the room of whole pages. */
  void punch(long offset, long length) {
    int from = (int) ((offset + PAGE - 1) / PAGE);
    taken.clear(from, Math.max(from, (int) ((offset + length) / PAGE)));
  }

  byte[] read(long offset, int length) {
    return Arrays.copyOfRange(cached, (int) offset, (int) offset + length);
  }

  void write(long offset, byte[] bytes, boolean throughout) {
    if (bytes.length == 0) {
      return;
    }
    taken.set((int) (offset / PAGE), (int) ((offset + bytes.length - 1) / PAGE) + 1);
    System.arraycopy(bytes, 0, cached, (int) offset, bytes.length);
    for (int c = cells.at(offset); c <= cells.at(offset + bytes.length - 1); c++) {
      version[c]++;
      dirty.set(c);
      if (throughout) {
        keep(c);
      }
    }
  }

  Capture capture() {
    int[] which = dirty.stream().toArray();
    int[] versions = Arrays.stream(which).map(c -> version[c]).toArray();
    byte[][] contents = new byte[which.length][];
    for (int i = 0; i < which.length; i++) {
      contents[i] = Arrays.copyOfRange(cached, cells.start(which[i]), cells.end(which[i]));
    }
    return new Capture(which, versions, contents);
  }

  void settle(Capture capture) {
    for (int i = 0; i < capture.cells.length; i++) {
      int c = capture.cells[i];
      if (durableVersion[c] < capture.versions[i]) {
        byte[] content = capture.contents[i];
        System.arraycopy(content, 0, durable, cells.start(c), content.length);
        durableVersion[c] = capture.versions[i];
        if (version[c] == capture.versions[i]) {
          dirty.clear(c);
        }
      }
    }
  }

  /** The kernel writes some of it back on its own. */
  void writeBack(Random random) {
    for (int c = dirty.nextSetBit(0); c >= 0; c = dirty.nextSetBit(c + 1)) {
      if (random.nextInt(3) == 0) {
        keep(c);
      }
    }
  }

  private void keep(int cell) {
    int from = cells.start(cell);
    System.arraycopy(cached, from, durable, from, cells.end(cell) - from);
    durableVersion[cell] = version[cell];
    dirty.clear(cell);
  }

  void losePower(Random random) {
    int kept = random.nextInt(3) == 0 ? 0 : random.nextInt(101);
    for (int c = dirty.nextSetBit(0); c >= 0; c = dirty.nextSetBit(c + 1)) {
      if (random.nextInt(100) < kept) {
        keep(c);
      }
    }
    System.arraycopy(durable, 0, cached, 0, cached.length);
    dirty.clear();
    System.arraycopy(version, 0, durableVersion, 0, version.length);
  }
}
