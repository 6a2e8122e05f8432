package dev.wherry.path.map;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.LongPredicate;

/**
 * What was intended for blocks since they were last unconditional, found in a file's records. For
 * one thread.
 */
final class Intents implements AutoCloseable {
  /** Takes hashes of consecutive units of one block. */
  interface Sink {
    /**
     * Takes them.
     *
     * @param hashes one for each unit; only until this returns
     */
    void intent(long unit, ByteBuffer hashes, int units) throws IOException;
  }

  private static final long IS_SET = -1;
  private static final int EVENT = 32;
  private static final int PER_PAGE = Slabs.PAGE / EVENT;

  private final Window file;
  private final int unitsPerBlock;
  private final long blocks;

  /**
   * Records of SET and INTENT in their order, outside the heap because there may be millions.
   *
   * <pre>
   *   +0 first block or unit | +8 after the last one | +16 where in the file the hashes are, or -1
   * </pre>
   */
  private final Slabs list = new Slabs();

  private int events;

  Intents(Window file, int unitsPerBlock, long blocks) {
    this.file = file;
    this.unitsPerBlock = unitsPerBlock;
    this.blocks = blocks;
  }

  /** Takes the file's records, in its order. */
  void record(int type, int number, long position, long at, ByteBuffer more) {
    if (type == Records.INTENT) {
      event(position, position + number, at);
    } else if (type == Records.SET && events > 0) {
      event(position, position + more.getLong(more.position()), IS_SET);
    }
  }

  boolean isEmpty() {
    return events == 0;
  }

  private void event(long from, long end, long at) {
    // Nothing is released, so pages have the numbers from 0 on.
    int page = events % PER_PAGE == 0 ? list.allocate() : events / PER_PAGE;
    int index = index(events);
    list.buffer(page).putLong(index, from).putLong(index + 8, end).putLong(index + 16, at);
    events++;
  }

  private static int index(int event) {
    return Slabs.offset(event / PER_PAGE) + event % PER_PAGE * EVENT;
  }

  /** Gives those that no SET of their block followed, of the blocks that are wanted. */
  void open(LongPredicate wanted, Sink sink) throws IOException {
    if (isEmpty()) {
      return;
    }
    try (Slabs slabs = new Slabs()) {
      Pages resolved = new Pages(slabs, blocks);
      for (int i = events - 1; i >= 0; i--) {
        ByteBuffer event = list.buffer(i / PER_PAGE);
        int index = index(i);
        long from = event.getLong(index);
        long end = event.getLong(index + 8);
        long at = event.getLong(index + 16);
        if (at == IS_SET) {
          resolved.fill(from, end, 1);
        } else {
          open(from, end, at, block -> resolved.get(block) == 0 && wanted.test(block), sink);
        }
      }
    }
  }

  private void open(long from, long end, long at, LongPredicate wanted, Sink sink)
      throws IOException {
    for (long unit = from; unit < end; ) {
      long block = unit / unitsPerBlock;
      long next = Math.min(end, (block + 1) * unitsPerBlock);
      if (wanted.test(block)) {
        int units = (int) (next - unit);
        sink.intent(unit, file.at(at + (unit - from) * 8, units * 8).slice(), units);
      }
      unit = next;
    }
  }

  /** Forgets them. */
  @Override
  public void close() {
    list.close();
  }
}
