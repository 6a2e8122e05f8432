package dev.wherry.nbd.server;

/**
 * One connection's part of the memory budgets: of its own, of its export, of the server. It takes
 * from the shared ones in lumps, so that a small request costs no shared counter.
 *
 * <p>Confined to the connection's event loop.
 */
final class Credit {
  private static final int LUMP = 64 << 10;

  private final MemoryBudget export;
  private final MemoryBudget total;
  private final int limit;
  private MemoryBudget lacking;
  private long held;
  private long used;

  Credit(MemoryBudget export, MemoryBudget total, int limit) {
    this.export = export;
    this.total = total;
    this.limit = limit;
    this.lacking = total;
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

  /**
   * Takes bytes to finish a payload that has begun, also where the budgets are empty. Who gets the
   * overdraft of one budget and not of the other lets go of it, so that no two wait for each other.
   */
  boolean overdraw(int bytes) {
    if (take(bytes)) {
      return true;
    }
    if (!total.tryAcquire(bytes) && !total.tryOverdraw(this, bytes)) {
      lacking = total;
      return false;
    }
    if (!export.tryAcquire(bytes) && !export.tryOverdraw(this, bytes)) {
      lacking = export;
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
   * After a refusal: calls back, on any thread, when so many bytes may be had.
   *
   * @param begun whether they are to finish a payload that has begun
   */
  void await(int bytes, boolean begun, Runnable wake) {
    lacking.await(bytes, begun, wake);
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
      lacking = export;
      return false;
    }
    if (!total.tryAcquire(bytes)) {
      lacking = total;
      export.release(bytes);
      return false;
    }
    held += bytes;
    return true;
  }
}
