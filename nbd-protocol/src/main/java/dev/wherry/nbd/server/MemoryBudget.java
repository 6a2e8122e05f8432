package dev.wherry.nbd.server;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A number of bytes that connections share. Who finds too few waits in turn.
 *
 * <p>Payload is paid for as it arrives, so all of the budget could end up in halves of payloads of
 * which none can be finished. Therefore one connection at a time may overdraw to finish the payload
 * that it has begun; a peer that holds bytes and stalls is dropped by {@link StallGuard}.
 *
 * <p>Safe on any thread.
 */
final class MemoryBudget {
  private final long total;
  private final AtomicLong free;
  private final Queue<Waiter> waiters = new ConcurrentLinkedQueue<>();
  private final AtomicReference<@Nullable Object> overdrawn = new AtomicReference<>();

  /** Not a record: two that look alike are two. */
  private static final class Waiter {
    final long bytes;
    final boolean begun;
    final Runnable wake;

    Waiter(long bytes, boolean begun, Runnable wake) {
      this.bytes = bytes;
      this.begun = begun;
      this.wake = wake;
    }
  }

  MemoryBudget(long total) {
    this.total = total;
    this.free = new AtomicLong(total);
  }

  boolean tryAcquire(long bytes) {
    long now = free.get();
    while (now >= bytes) {
      if (free.compareAndSet(now, now - bytes)) {
        return true;
      }
      now = free.get();
    }
    return false;
  }

  /** Takes the bytes even if there are none, if no other owner does so. */
  boolean tryOverdraw(Object owner, long bytes) {
    if (overdrawn.get() != owner && !overdrawn.compareAndSet(null, owner)) {
      return false;
    }
    free.addAndGet(-bytes);
    return true;
  }

  /** The owner has finished what it overdrew for; its bytes are released as any others. */
  void endOverdraw(Object owner) {
    if (overdrawn.compareAndSet(owner, null)) {
      wake();
    }
  }

  void release(long bytes) {
    free.addAndGet(bytes);
    if (!waiters.isEmpty()) {
      wake();
    }
  }

  /**
   * Runs {@code wake} once, when so many bytes may be free. It may run at once and on any thread;
   * who is woken tries again and may find too few.
   *
   * @param begun whether it is to finish a payload, so that the overdraft would do as well
   */
  void await(long bytes, boolean begun, Runnable wake) {
    waiters.add(new Waiter(bytes, begun, wake));
    wake();
  }

  /** In turn, as far as the bytes go; the overdraft is for the first who may have it. */
  private void wake() {
    long left = free.get();
    for (Waiter next = waiters.peek(); next != null && left >= next.bytes; next = waiters.peek()) {
      if (waiters.remove(next)) {
        left -= next.bytes;
        next.wake.run();
      }
    }
    if (overdrawn.get() == null) {
      for (Waiter w : waiters) {
        if (w.begun) {
          if (waiters.remove(w)) {
            w.wake.run();
          }
          break;
        }
      }
    }
  }

  /** Whether somebody waits. */
  boolean contended() {
    return !waiters.isEmpty();
  }

  long used() {
    return total - free.get();
  }

  long total() {
    return total;
  }
}
