package dev.wherry.path.map;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.function.LongPredicate;

/**
 * What was intended for blocks since they were last unconditional, found in a file's records. For
 * one thread.
 */
final class Intents {
  /** Takes hashes of consecutive units of one block. */
  interface Sink {
    /**
     * Takes them.
     *
     * @param hashes one for each unit
     */
    void intent(long unit, ByteBuffer hashes, int units) throws IOException;
  }

  private static final int IS_SET = -1;

  private final ByteBuffer file;
  private final int unitsPerBlock;
  private final long blocks;
  private long[] runs = new long[64];
  private int[] hashes = new int[32];
  private int events;

  Intents(ByteBuffer file, int unitsPerBlock, long blocks) {
    this.file = file;
    this.unitsPerBlock = unitsPerBlock;
    this.blocks = blocks;
  }

  /** Takes the file's records, in its order. */
  void record(int type, int number, long position, int more) {
    if (type == Records.INTENT) {
      event(position, position + number, more);
    } else if (type == Records.SET && events > 0) {
      event(position, position + file.getLong(more), IS_SET);
    }
  }

  boolean isEmpty() {
    return events == 0;
  }

  private void event(long from, long end, int at) {
    if (events == hashes.length) {
      hashes = Arrays.copyOf(hashes, events * 2);
      runs = Arrays.copyOf(runs, events * 4);
    }
    runs[events * 2] = from;
    runs[events * 2 + 1] = end;
    hashes[events++] = at;
  }

  /** Gives those that no SET of their block followed, of the blocks that are wanted. */
  void open(LongPredicate wanted, Sink sink) throws IOException {
    if (isEmpty()) {
      return;
    }
    Pages resolved = new Pages(new Slabs(), blocks);
    for (int i = events - 1; i >= 0; i--) {
      long from = runs[i * 2];
      long end = runs[i * 2 + 1];
      if (hashes[i] == IS_SET) {
        resolved.fill(from, end, 1);
        continue;
      }
      for (long unit = from; unit < end; ) {
        long block = unit / unitsPerBlock;
        long next = Math.min(end, (block + 1) * unitsPerBlock);
        if (resolved.get(block) == 0 && wanted.test(block)) {
          int units = (int) (next - unit);
          sink.intent(unit, file.slice(hashes[i] + (int) (unit - from) * 8, units * 8), units);
        }
        unit = next;
      }
    }
  }
}
