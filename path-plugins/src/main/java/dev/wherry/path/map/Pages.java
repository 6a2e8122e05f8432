package dev.wherry.path.map;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A long row of values from 0 to 3, packed by two bits, in pages of 16,384. A page whose values are
 * all the same takes no memory.
 *
 * <pre>
 *   slot of page p:   | uniform: 1 bit | version: 31 bits | value, or number of the slab page |
 *   byte b of a page: values 4 b to 4 b + 3, the first in the lowest bits
 * </pre>
 *
 * The values beyond the end of the last page are kept like the last one.
 *
 * <p>Reads are safe on any thread and take no lock: a page that was given back may hold anything,
 * so a reader looks at the slot again afterwards; the version tells one use of a page from the
 * next. {@link #fill}, {@link #clear} and {@link #nextNonZero} are for one thread at a time; {@link
 * #page} is for when nobody reads.
 */
class Pages {
  /** Values of a page. */
  static final int PER_PAGE = Slabs.PAGE * 4;

  private static final int PAGE_SHIFT = 14;
  private static final int PER_WORD = 32;
  private static final int WORDS = Slabs.PAGE / 8;
  private static final long UNIFORM = 1L << 63;
  private static final long LOW = 0x5555_5555_5555_5555L;

  private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(long[].class);
  private static final VarHandle WORD =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final Slabs slabs;
  private final long size;
  private final long[] slots;

  /** Pages of which not all values are 0. */
  private final PageSet nonZero;

  private final java.util.concurrent.atomic.AtomicLongArray counts =
      new java.util.concurrent.atomic.AtomicLongArray(4);

  /** All values are 0. */
  Pages(Slabs slabs, long size) {
    this.slabs = slabs;
    this.size = size;
    this.slots = new long[Math.toIntExact((size + PER_PAGE - 1) >> PAGE_SHIFT)];
    this.nonZero = new PageSet(slots.length);
    java.util.Arrays.fill(slots, UNIFORM);
    counts.set(0, (long) slots.length << PAGE_SHIFT);
  }

  int pages() {
    return slots.length;
  }

  /** Where each look at a page begins; a test counts them. */
  long slot(int page) {
    return (long) SLOT.getAcquire(slots, page);
  }

  int get(long at) {
    long word = word((int) (at >> PAGE_SHIFT), (int) (at & (PER_PAGE - 1)) / PER_WORD);
    return (int) (word >>> ((at & (PER_WORD - 1)) * 2)) & 3;
  }

  /** How many have the value. */
  long count(int value) {
    long beyond = ((long) slots.length << PAGE_SHIFT) - size;
    return counts.get(value) - (beyond > 0 && get(size - 1) == value ? beyond : 0);
  }

  /** The value of a whole page, or -1 if there are several. */
  int uniform(int page) {
    long slot = slot(page);
    return slot < 0 ? (int) (slot & 3) : -1;
  }

  /** 32 values. */
  long word(int page, int word) {
    while (true) {
      long slot = slot(page);
      if (slot < 0) {
        return (slot & 3) * LOW;
      }
      int at = (int) slot;
      long value = (long) WORD.getOpaque(slabs.buffer(at), Slabs.offset(at) + word * 8);
      VarHandle.acquireFence();
      if ((long) SLOT.getOpaque(slots, page) == slot) {
        return value;
      }
    }
  }

  /** The end of the run of equal values from {@code from} on, {@code end} at most. */
  long runEnd(long from, long end) {
    return find(from, end, get(from), false);
  }

  /** The first of a value, or {@code end}. */
  long next(int value, long from, long end) {
    return find(from, end, value, true);
  }

  /** The first that is not of a value, or {@code end}. */
  long nextOther(int value, long from, long end) {
    return find(from, end, value, false);
  }

  /**
   * The first that is not 0, or {@code end}. Unlike {@link #nextOther} it does not look at pages
   * that are all 0, however many there are.
   */
  long nextNonZero(long from, long end) {
    for (long at = from; at < end; ) {
      int page = nonZero.next((int) (at >> PAGE_SHIFT));
      if (page < 0) {
        return end;
      }
      long pageEnd = Math.min(end, (long) (page + 1) << PAGE_SHIFT);
      at = find(Math.max(at, (long) page << PAGE_SHIFT), pageEnd, 0, false);
      if (at < pageEnd) {
        return at;
      }
    }
    return end;
  }

  private long find(long from, long end, int value, boolean equal) {
    long at = from;
    while (at < end) {
      int page = (int) (at >> PAGE_SHIFT);
      int uniform = uniform(page);
      if (uniform >= 0) {
        if ((uniform == value) == equal) {
          return at;
        }
        at = (long) (page + 1) << PAGE_SHIFT;
        continue;
      }
      long differs = word(page, (int) (at & (PER_PAGE - 1)) / PER_WORD) ^ (value * LOW);
      long pairs = (differs | (differs >>> 1)) & LOW;
      long found = (equal ? ~pairs & LOW : pairs) & (-1L << ((at & (PER_WORD - 1)) * 2));
      long base = at & -PER_WORD;
      if (found != 0) {
        return Math.min(end, base + Long.numberOfTrailingZeros(found) / 2);
      }
      at = base + PER_WORD;
    }
    return end;
  }

  /** Sets all of them. */
  void fill(long from, long end, int value) {
    long to = end == size ? (long) slots.length << PAGE_SHIFT : end;
    long at = from;
    while (at < to) {
      int page = (int) (at >> PAGE_SHIFT);
      long pageStart = (long) page << PAGE_SHIFT;
      int low = (int) (at - pageStart);
      int high = (int) Math.min(PER_PAGE, to - pageStart);
      if (low == 0 && high == PER_PAGE) {
        whole(page, value);
      } else {
        part(page, low, high, value);
      }
      at = pageStart + high;
    }
  }

  /** Sets all there are to 0, without a look at pages that are. */
  void clear() {
    for (int page = nonZero.next(0); page >= 0; page = nonZero.next(page + 1)) {
      whole(page, 0);
    }
  }

  private void whole(int page, int value) {
    int before = uniform(page);
    if (before >= 0) {
      move(before, value, PER_PAGE);
    } else {
      for (int w = 0; w < WORDS; w++) {
        count(word(page, w), -1L, value);
      }
    }
    uniform(page, value);
  }

  private void uniform(int page, int value) {
    long slot = slots[page];
    SLOT.setVolatile(slots, page, UNIFORM | nextVersion(slot) | value);
    if (value == 0) {
      nonZero.remove(page);
    } else {
      nonZero.add(page);
    }
    if (slot >= 0) {
      slabs.release((int) slot);
    }
  }

  private static long nextVersion(long slot) {
    return ((slot >>> 32) + 1 & 0x7fff_ffffL) << 32;
  }

  private void part(int page, int low, int high, int value) {
    long slot = slots[page];
    if (slot < 0) {
      if ((slot & 3) == value) {
        return;
      }
      slot = materialize(page, (slot & 3) * LOW);
    }
    ByteBuffer buffer = slabs.buffer((int) slot);
    int offset = Slabs.offset((int) slot);
    for (int at = low; at < high; ) {
      int start = at & (PER_WORD - 1);
      int end = Math.min(PER_WORD, high - at + start);
      long mask = (-1L << (start * 2)) & (-1L >>> ((PER_WORD - end) * 2));
      int index = offset + at / PER_WORD * 8;
      long old = (long) WORD.getOpaque(buffer, index);
      count(old, mask, value);
      WORD.setOpaque(buffer, index, (old & ~mask) | (value * LOW & mask));
      at += end - start;
    }
    if ((long) WORD.getOpaque(buffer, offset) == value * LOW
        && (long) WORD.getOpaque(buffer, offset + Slabs.PAGE - 8) == value * LOW
        && isUniform(buffer, offset, value * LOW)) {
      uniform(page, value);
    }
  }

  private static boolean isUniform(ByteBuffer buffer, int offset, long word) {
    for (int w = 0; w < WORDS; w++) {
      if ((long) WORD.getOpaque(buffer, offset + w * 8) != word) {
        return false;
      }
    }
    return true;
  }

  private long materialize(int page, long word) {
    int number = slabs.allocate();
    // A reader of what this memory was before sees that slot changed if it sees these words.
    VarHandle.fullFence();
    ByteBuffer buffer = slabs.buffer(number);
    for (int w = 0; w < WORDS; w++) {
      WORD.setOpaque(buffer, Slabs.offset(number) + w * 8, word);
    }
    long slot = nextVersion(slots[page]) | number;
    SLOT.setVolatile(slots, page, slot);
    nonZero.add(page);
    return slot;
  }

  /**
   * Sets a whole page.
   *
   * @param bytes as drawn above, from its position on; those beyond the end are like the last one
   */
  void page(int page, ByteBuffer bytes) {
    long slot = slots[page];
    long[] added = new long[4];
    if (slot < 0) {
      added[(int) slot & 3] = -PER_PAGE;
      slot = nextVersion(slot) | slabs.allocate();
    } else {
      tally(slabs.buffer((int) slot), Slabs.offset((int) slot), -1, added);
    }
    tally(bytes, bytes.position(), 1, added);
    slabs.buffer((int) slot).put(Slabs.offset((int) slot), bytes, bytes.position(), Slabs.PAGE);
    SLOT.setVolatile(slots, page, slot);
    nonZero.add(page);
    for (int v = 0; v < 4; v++) {
      counts.addAndGet(v, added[v]);
    }
  }

  private static void tally(ByteBuffer bytes, int offset, long sign, long[] to) {
    int ones = 0;
    int twos = 0;
    int both = 0;
    for (int w = 0; w < WORDS; w++) {
      long word = (long) WORD.get(bytes, offset + w * 8);
      ones += Long.bitCount(word & LOW);
      twos += Long.bitCount(word & ~LOW);
      both += Long.bitCount(word & (word >>> 1) & LOW);
    }
    to[0] += sign * (PER_PAGE - ones - twos + both);
    to[1] += sign * (ones - both);
    to[2] += sign * (twos - both);
    to[3] += sign * both;
  }

  private void count(long old, long mask, int value) {
    for (int v = 0; v < 4; v++) {
      if (v != value) {
        int n = matches(old, mask, v);
        if (n > 0) {
          move(v, value, n);
        }
      }
    }
  }

  private static int matches(long word, long mask, int value) {
    long differs = word ^ (value * LOW);
    return Long.bitCount(~(differs | (differs >>> 1)) & LOW & mask);
  }

  private void move(int from, int to, long n) {
    if (from != to) {
      counts.addAndGet(from, -n);
      counts.addAndGet(to, n);
    }
  }
}
