package dev.wherry.path.memory;

import java.util.concurrent.atomic.AtomicLong;

/** How many bytes memory devices may take together. Safe on any thread. */
public final class MemoryBudget {
  private final long limit;
  private final AtomicLong taken = new AtomicLong();

  /**
   * @param limit in bytes
   */
  public MemoryBudget(long limit) {
    this.limit = limit;
  }

  /** The limit in bytes. */
  public long limit() {
    return limit;
  }

  /** Bytes in use. */
  public long taken() {
    return taken.get();
  }

  boolean take(long bytes) {
    for (; ; ) {
      long now = taken.get();
      if (bytes > limit - now) {
        return false;
      }
      if (taken.compareAndSet(now, now + bytes)) {
        return true;
      }
    }
  }

  void give(long bytes) {
    taken.addAndGet(-bytes);
  }
}
