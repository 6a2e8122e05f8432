package dev.wherry.path.shared;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * A set of blocks that many threads change at once. Pages of 32,768 bits, made when first touched;
 * one that is full takes no memory of its own, so a hole of terabytes costs a few entries. A change
 * is visible to every later look, on whatever thread.
 */
final class BlockSet {
  private static final int PAGE_BITS = 15;
  private static final int PAGE = 1 << PAGE_BITS;
  private static final AtomicLongArray FULL = new AtomicLongArray(0);

  private final ConcurrentHashMap<Long, AtomicLongArray> pages = new ConcurrentHashMap<>();

  void add(long from, long end) {
    forPages(from, end, this::addInPage);
  }

  void remove(long from, long end) {
    if (!pages.isEmpty()) {
      forPages(from, end, this::removeInPage);
    }
  }

  boolean contains(long block) {
    AtomicLongArray page = pages.get(block >> PAGE_BITS);
    if (page == null || page == FULL) {
      return page == FULL;
    }
    int bit = (int) (block & (PAGE - 1));
    return (page.get(bit >> 6) & 1L << bit) != 0;
  }

  void clear() {
    pages.clear();
  }

  /** The first block from {@code from} on that is (not) in the set, or {@code end}. */
  long next(boolean in, long from, long end) {
    long at = from;
    while (at < end) {
      AtomicLongArray page = pages.get(at >> PAGE_BITS);
      long pageEnd = Math.min(end, ((at >> PAGE_BITS) + 1) << PAGE_BITS);
      if (page == null || page == FULL) {
        if (page == FULL == in) {
          return at;
        }
        at = pageEnd;
        continue;
      }
      int bit = (int) (at & (PAGE - 1));
      long word = page.get(bit >> 6);
      long hit = (in ? word : ~word) >>> bit;
      if (hit != 0) {
        return Math.min(end, at + Long.numberOfTrailingZeros(hit));
      }
      at = Math.min(pageEnd, (at | 63) + 1);
    }
    return end;
  }

  /** The runs of blocks that are in the set, below {@code end}. */
  List<Run> runs(long end) {
    List<Run> runs = new ArrayList<>();
    // Only pages that exist can hold a run.
    List<Long> numbers = new ArrayList<>(pages.keySet());
    numbers.sort(null);
    for (long number : numbers) {
      long at = number << PAGE_BITS;
      long pageEnd = Math.min(end, at + PAGE);
      while (at < pageEnd) {
        long from = next(true, at, pageEnd);
        if (from == pageEnd) {
          break;
        }
        at = next(false, from, pageEnd);
        Run.append(runs, from, at);
      }
    }
    return runs;
  }

  private interface InPage {
    void apply(long page, int from, int end);
  }

  private static void forPages(long from, long end, InPage step) {
    for (long at = from; at < end; ) {
      long page = at >> PAGE_BITS;
      long pageEnd = Math.min(end, (page + 1) << PAGE_BITS);
      long start = page << PAGE_BITS;
      step.apply(page, (int) (at - start), (int) (pageEnd - start));
      at = pageEnd;
    }
  }

  private void addInPage(long number, int from, int end) {
    if (from == 0 && end == PAGE) {
      pages.put(number, FULL);
      return;
    }
    // Within compute, so that a page is not replaced while bits are set in it.
    pages.compute(
        number,
        (n, page) -> {
          if (page == FULL) {
            return page;
          }
          AtomicLongArray p = page == null ? new AtomicLongArray(PAGE >> 6) : page;
          forWords(from, end, (w, mask) -> p.accumulateAndGet(w, mask, (a, b) -> a | b));
          return isFull(p) ? FULL : p;
        });
  }

  private void removeInPage(long number, int from, int end) {
    if (from == 0 && end == PAGE) {
      pages.remove(number);
      return;
    }
    if (pages.get(number) == null) {
      return;
    }
    pages.computeIfPresent(
        number,
        (n, page) -> {
          AtomicLongArray p = page == FULL ? full() : page;
          forWords(from, end, (w, mask) -> p.accumulateAndGet(w, ~mask, (a, b) -> a & b));
          return p;
        });
  }

  private static boolean isFull(AtomicLongArray page) {
    for (int i = 0; i < page.length(); i++) {
      if (page.get(i) != -1L) {
        return false;
      }
    }
    return true;
  }

  private static AtomicLongArray full() {
    AtomicLongArray page = new AtomicLongArray(PAGE >> 6);
    for (int i = 0; i < page.length(); i++) {
      page.setPlain(i, -1L);
    }
    return page;
  }

  private interface InWord {
    void apply(int word, long mask);
  }

  private static void forWords(int from, int end, InWord step) {
    for (int at = from; at < end; ) {
      int word = at >> 6;
      int stop = Math.min(end, (word + 1) << 6);
      long mask = (-1L >>> (64 - (stop - at))) << at;
      step.apply(word, mask);
      at = stop;
    }
  }
}
