package dev.wherry.nbd.server;

import java.util.concurrent.atomic.AtomicLong;

/** A number of bytes that connections share. Safe on any thread. */
final class MemoryBudget {
  private final long total;
  private final AtomicLong free;

  MemoryBudget(long total) {
    this.total = total;
    this.free = new AtomicLong(total);
  }

  /** Whether so many bytes are free. What is larger than all of it fits when nothing is used. */
  boolean fits(long bytes) {
    return fits(free.get(), bytes);
  }

  boolean tryTake(long bytes) {
    long now = free.get();
    while (fits(now, bytes)) {
      if (free.compareAndSet(now, now - bytes)) {
        return true;
      }
      now = free.get();
    }
    return false;
  }

  /** Takes the bytes even if they are not there. */
  void overdraw(long bytes) {
    free.addAndGet(-bytes);
  }

  void give(long bytes) {
    free.addAndGet(bytes);
  }

  long used() {
    return total - free.get();
  }

  private boolean fits(long now, long bytes) {
    return now >= bytes || now == total;
  }
}
