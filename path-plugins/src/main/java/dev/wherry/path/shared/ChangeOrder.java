package dev.wherry.path.shared;

import dev.wherry.path.align.RangeLock;
import dev.wherry.path.map.BlockMap;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * Which changes of a store's blocks wait for which. Changes hold the blocks that they change,
 * exclusively, but for the ones that come most often: a write to blocks that are {@link
 * BlockMap#settled} goes past the locks, as long as no change is under way that {@linkplain
 * #widened widens} or {@linkplain #unsettled unsettles}.
 *
 * <p>Why that is safe although a wide one may begin right after the write has looked: it will see,
 * as the write did, that the block is settled, and write there what it was given alone; or it waits
 * for the writes that passed before, if it is one that unsettles.
 *
 * <p>Safe on any thread; never blocks. What waited runs on the thread that lets it.
 */
final class ChangeOrder {
  private final int blockSize;
  private final RangeLock locks = new RangeLock();

  /**
   * Changes under way that may write more of a block than was given, or unsettle it. While there
   * are any, no write goes past the locks.
   */
  private final AtomicInteger widening = new AtomicInteger();

  /** Writes under way that went past the locks. */
  private final AtomicInteger passing = new AtomicInteger();

  private final Queue<Runnable> afterPassing = new ConcurrentLinkedQueue<>();

  /**
   * @param blockSize in bytes
   */
  ChangeOrder(int blockSize) {
    this.blockSize = blockSize;
  }

  /** Whether a write may go past the locks; it calls {@link #passed} when it has ended. */
  boolean mayPass(BlockMap m, long offset, long length) {
    // Counted before it looks: one that unsettles is counted before it looks for us.
    passing.incrementAndGet();
    boolean settled =
        length == 0 || m.settled(offset / blockSize, (offset + length - 1) / blockSize + 1);
    if (settled && widening.get() == 0) {
      return true;
    }
    passed();
    return false;
  }

  /** A write that went past the locks has ended. */
  void passed() {
    if (passing.decrementAndGet() == 0) {
      runAfterPassing();
    }
  }

  /** Runs what waits until the writes are through that went past the locks before. */
  private void runAfterPassing() {
    while (passing.get() == 0) {
      Runnable next = afterPassing.poll();
      if (next == null) {
        return;
      }
      next.run();
    }
  }

  /**
   * Holds blocks for a change of those that are not settled; the others it leaves alone.
   *
   * @param work what to do with them
   */
  <T> CompletableFuture<T> held(long first, long end, Supplier<CompletableFuture<T>> work) {
    return locks.during(first, end - first, work);
  }

  /**
   * Holds blocks for a write that may write more of them than it was given.
   *
   * @param work what to do with them; does not throw
   */
  CompletableFuture<Void> widened(long first, long end, Supplier<CompletableFuture<Void>> work) {
    widening.incrementAndGet();
    return widely(first, end, work);
  }

  /**
   * Holds blocks for a change that unsettles them: after the writes that took them for settled,
   * before any that will not.
   *
   * @param work what to do with them; does not throw
   */
  CompletableFuture<Void> unsettled(long first, long end, Supplier<CompletableFuture<Void>> work) {
    CompletableFuture<Void> result = new CompletableFuture<>();
    widening.incrementAndGet();
    afterPassing.add(
        () ->
            widely(first, end, work)
                .whenComplete((v, failure) -> Failures.pass(null, failure, result)));
    runAfterPassing();
    return result;
  }

  /** It has been counted as widening. */
  private CompletableFuture<Void> widely(
      long first, long end, Supplier<CompletableFuture<Void>> work) {
    return locks.during(
        first,
        end - first,
        () -> work.get().whenComplete((v, failure) -> widening.decrementAndGet()));
  }
}
