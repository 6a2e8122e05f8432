package dev.wherry.path.file;

import dev.wherry.path.io.BufferIo;
import dev.wherry.path.io.Errno;
import dev.wherry.path.io.Posix;
import dev.wherry.path.io.Residency;
import dev.wherry.path.io.ThreadWaits;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;

/**
 * Writes to the page cache on the event loop, where that is not expected to wait: the edges of the
 * range are page-aligned or resident, {@link InlineBudget} has nothing against it, and nothing
 * changes the file's allocation at the moment (that holds the file's lock). Where the file system
 * knows RWF_NOWAIT for buffered writes (xfs, btrfs), it is asked not to wait on top.
 */
final class InlineWrites {
  /** Above this a copy takes long enough that a worker's hop does not matter. */
  static final int LARGEST = 256 << 10;

  private final int fd;
  private final long pageMask = Posix.pageSize() - 1L;
  private final boolean inMemory;
  private final InlineBudget budget;
  private final AtomicInteger allocating = new AtomicInteger();
  private volatile int flags = Posix.RWF_NOWAIT;

  /**
   * @param inMemory the file system needs no device: any range can be written
   */
  InlineWrites(int fd, boolean inMemory, LongSupplier nanoTime) {
    this.fd = fd;
    this.inMemory = inMemory;
    this.budget = new InlineBudget(nanoTime, ThreadWaits::count);
  }

  /** Something begins that holds the file's lock for a while. */
  void allocationBegins() {
    allocating.incrementAndGet();
  }

  void allocationEnds() {
    allocating.decrementAndGet();
  }

  boolean tryWrite(long offset, ByteBuf data, Residency residency) {
    int length = data.readableBytes();
    if (length > LARGEST
        || allocating.get() > 0
        || !edgesAreReady(offset, length, residency)
        || !budget.allows()) {
      return false;
    }
    long waits = budget.waitsBefore();
    long start = budget.now();
    long written = BufferIo.writeOnce(fd, offset, data, flags);
    if (written == -Errno.EOPNOTSUPP && flags != 0) {
      flags = 0;
      written = BufferIo.writeOnce(fd, offset, data, 0);
    }
    budget.spent(start, waits);
    return written == length;
  }

  private boolean edgesAreReady(long offset, int length, Residency residency) {
    long end = offset + length;
    return inMemory
        || (((offset & pageMask) == 0 || residency.isResident(offset, 1))
            && ((end & pageMask) == 0 || residency.isResident(end - 1, 1)));
  }
}
