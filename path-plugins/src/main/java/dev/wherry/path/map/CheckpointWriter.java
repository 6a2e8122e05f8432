package dev.wherry.path.map;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Prepares the new file of a map, some records at a time. For one thread. */
final class CheckpointWriter {
  private static final int FRAME = 1 << 20;

  private final MapFile file;
  private Records records = new Records();
  private long length;

  CheckpointWriter(MapFile file, Geometry geometry, long seed) throws IOException {
    this.file = file;
    records.header(geometry.blockSize(), geometry.size(), seed);
    flush();
  }

  /**
   * Writes what holds without intents. Changes may be made meanwhile: whoever reads it repeats the
   * records that were appended since it began.
   *
   * @param lock held while a page is looked at
   */
  void states(States states, Object lock) throws IOException {
    long blocks = states.geometry.blocks();
    for (int page = 0; page < states.live.pages(); page++) {
      long from = (long) page * Pages.PER_PAGE;
      long end = Math.min(blocks, from + Pages.PER_PAGE);
      synchronized (lock) {
        page(states, page, from, end);
      }
      flushIfLong();
    }
    flush();
  }

  private void page(States states, int page, long from, long end) {
    int runs = 0;
    for (long at = from; at < end && runs < 8; at = states.runEnd(at, end)) {
      runs++;
    }
    if (runs < 8) {
      for (long at = from; at < end; ) {
        long next = states.runEnd(at, end);
        int state = states.base(at);
        if (state != BlockMap.NOT_HERE) {
          records.set(at, next, state);
        }
        at = next;
      }
      return;
    }
    ByteBuffer words = records.page(page).order(ByteOrder.LITTLE_ENDIAN);
    for (int w = 0; w < Slabs.PAGE / 8; w++) {
      long live = states.live.word(page, w);
      words.putLong(base(live, states.pending.word(page, w)));
    }
  }

  /** {@link States#base} of 32 blocks. */
  private static long base(long live, long pending) {
    long low = 0x5555_5555_5555_5555L;
    long one = pending & low;
    long two = (pending >>> 1) & low;
    long any = (one | two) * 3;
    // OVER_NONE 01 -> 00, OVER_HERE 10 -> NEWER 10, OVER_ZERO 11 -> ZERO 11.
    long over = (two << 1) | (one & two);
    return (live & ~any) | over;
  }

  /** Adds hashes of what was intended. */
  void intent(long unit, ByteBuffer hashes, int units) throws IOException {
    records.intent(unit, units).put(hashes);
    flushIfLong();
  }

  void differ(long extent) {
    records.differ(extent);
  }

  private void flushIfLong() throws IOException {
    if (records.length() >= FRAME) {
      flush();
    }
  }

  private void flush() throws IOException {
    if (!records.isEmpty()) {
      file.prepare(records.frame(length, 0));
      length += Records.FRAME + records.length();
      records = new Records();
    }
  }

  /** The length of all that was prepared, which is complete. */
  long end() throws IOException {
    flush();
    records.end();
    flush();
    return length;
  }
}
