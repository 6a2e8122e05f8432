package dev.wherry.path.memory;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.util.IllegalReferenceCountException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Pages of 64 KiB off the heap, each there once something is written to it. Two levels:
 *
 * <pre>
 * page number : | table (the rest) | slot (12 bits) |      a table spans 256 MiB
 * </pre>
 *
 * No lock: a page is taken out by an atomic exchange and freed when the last request that still
 * copies from or to it lets go of its reference. A write that lands in a page which is being
 * dropped was in flight beside the trim, and may as well have come before it.
 */
final class Pages {
  static final int SIZE = 1 << 16;
  private static final int SLOTS = 1 << 12;

  private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(true, true);
  private final ConcurrentMap<Long, AtomicReferenceArray<@Nullable ByteBuf>> tables =
      new ConcurrentHashMap<>();
  private final MemoryBudget budget;

  Pages(MemoryBudget budget) {
    this.budget = budget;
  }

  private @Nullable AtomicReferenceArray<@Nullable ByteBuf> table(long page) {
    return tables.get(page / SLOTS);
  }

  private static int slot(long page) {
    return (int) (page % SLOTS);
  }

  boolean present(long page) {
    AtomicReferenceArray<@Nullable ByteBuf> table = table(page);
    return table != null && table.get(slot(page)) != null;
  }

  /** The first page from {@code page} on that may be present: skips whole tables. */
  long skipAbsent(long page) {
    return table(page) == null ? (page / SLOTS + 1) * SLOTS : page;
  }

  /** The page if it is present, with a reference that the caller releases; else null. */
  @Nullable ByteBuf get(long page) {
    AtomicReferenceArray<@Nullable ByteBuf> table = table(page);
    if (table == null) {
      return null;
    }
    for (; ; ) {
      ByteBuf buf = table.get(slot(page));
      if (buf == null) {
        return null;
      }
      try {
        return buf.retain();
      } catch (IllegalReferenceCountException e) {
        // Dropped since it was looked up; the slot is empty or has another page by now.
        Thread.onSpinWait();
      }
    }
  }

  /**
   * The page, made if need be, with a reference that the caller releases; null if there is no
   * memory for it.
   */
  @Nullable ByteBuf getOrMake(long page) {
    AtomicReferenceArray<@Nullable ByteBuf> table = table(page);
    if (table == null) {
      table = tables.computeIfAbsent(page / SLOTS, n -> new AtomicReferenceArray<>(SLOTS));
    }
    for (; ; ) {
      ByteBuf there = get(page);
      if (there != null) {
        return there;
      }
      ByteBuf fresh = make();
      if (fresh == null) {
        return null;
      }
      fresh.retain();
      if (table.compareAndSet(slot(page), null, fresh)) {
        return fresh;
      }
      fresh.release();
      free(fresh);
    }
  }

  private @Nullable ByteBuf make() {
    if (!budget.take(SIZE)) {
      return null;
    }
    try {
      return allocator.directBuffer(SIZE, SIZE).setZero(0, SIZE);
    } catch (OutOfMemoryError e) {
      // The budget allows more than the process may have; to a host it is the same.
      budget.give(SIZE);
      return null;
    }
  }

  /** Makes the page absent. */
  void drop(long page) {
    AtomicReferenceArray<@Nullable ByteBuf> table = table(page);
    if (table != null) {
      ByteBuf old = table.getAndSet(slot(page), null);
      if (old != null) {
        free(old);
      }
    }
  }

  private void free(ByteBuf page) {
    page.release();
    budget.give(SIZE);
  }

  /** Drops all pages from {@code page} up to {@code end}. */
  void dropRange(long page, long end) {
    for (long p = skipAbsent(page); p < end; p = skipAbsent(p + 1)) {
      drop(p);
    }
  }
}
