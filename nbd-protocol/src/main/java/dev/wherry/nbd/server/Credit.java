package dev.wherry.nbd.server;

/**
 * One connection's part of the memory budgets: of its own, of its export, of the server. It takes
 * from the shared ones in lumps, so that a small request costs no shared counter.
 *
 * <p>Confined to the connection's event loop.
 */
final class Credit {
  private static final int LUMP = 256 << 10;

  private final MemoryBudget export;
  private final MemoryBudget total;
  private final int limit;
  private long held;
  private long used;

  Credit(MemoryBudget export, MemoryBudget total, int limit) {
    this.export = export;
    this.total = total;
    this.limit = limit;
  }

  /** Takes bytes if there are enough now. One request may go over the connection's own limit. */
  boolean take(int bytes) {
    long want = used + bytes;
    if (want > limit && used > 0) {
      return false;
    }
    if (want > held && !grow(want - held)) {
      return false;
    }
    used = want;
    return true;
  }

  /** Takes bytes to finish a payload that has begun, also where the budgets are empty. */
  boolean overdraw(int bytes) {
    if (take(bytes)) {
      return true;
    }
    if (!total.tryOverdraw(this, bytes)) {
      return false;
    }
    if (!export.tryOverdraw(this, bytes)) {
      total.release(bytes);
      total.endOverdraw(this);
      return false;
    }
    held += bytes;
    used += bytes;
    return true;
  }

  void give(long bytes) {
    used -= bytes;
    long spare = used == 0 ? held : held - used - 2L * LUMP;
    if (spare > 0) {
      held -= spare;
      export.release(spare);
      total.release(spare);
    }
  }

  void endOverdraw() {
    export.endOverdraw(this);
    total.endOverdraw(this);
  }

  /**
   * Calls back, on any thread, when so many bytes may be had.
   *
   * @param begun whether they are to finish a payload that has begun
   */
  void await(int bytes, boolean begun, Runnable wake) {
    MemoryBudget scarce = total.free() < bytes ? total : export;
    scarce.await(bytes, begun, wake);
  }

  /** Bytes that this connection holds. */
  long used() {
    return used;
  }

  /** Whether it is the connection's own limit that keeps it from having more. */
  boolean ownLimitReached(int bytes) {
    return used > 0 && used + bytes > limit;
  }

  private boolean grow(long bytes) {
    return acquire(Math.max(bytes, LUMP)) || (bytes < LUMP && acquire(bytes));
  }

  private boolean acquire(long bytes) {
    if (!export.tryAcquire(bytes)) {
      return false;
    }
    if (!total.tryAcquire(bytes)) {
      export.release(bytes);
      return false;
    }
    held += bytes;
    return true;
  }
}
