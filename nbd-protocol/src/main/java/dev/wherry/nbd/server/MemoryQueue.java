package dev.wherry.nbd.server;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Hands out memory of two budgets at a time, that of an export and that of the server, to who asks,
 * in turn: nobody is passed by who comes later and wants less, except where it is only the share of
 * one export that is used up.
 *
 * <p>Payload is paid for as it arrives, so all of a budget could end up in halves of payloads of
 * which none can be finished. Therefore payloads that have begun come before requests that have
 * not, and one connection at a time may overdraw to finish the one that it has begun. A peer that
 * holds memory and stalls meanwhile is dropped ({@link StallClock}).
 *
 * <p>Safe on any thread; without waiters it takes no lock.
 */
final class MemoryQueue {
  private final MemoryBudget total;
  private final Deque<Ticket> begun = new ArrayDeque<>();
  private final Deque<Ticket> fresh = new ArrayDeque<>();
  private final AtomicInteger waiting = new AtomicInteger();
  private volatile @Nullable Object overdrawn;

  /** Somebody's place in the queue. */
  static final class Ticket {
    final long bytes;
    private final Object owner;
    private final MemoryBudget export;
    private final boolean begun;
    private final Runnable granted;

    private Ticket(Object owner, MemoryBudget export, long bytes, boolean begun, Runnable granted) {
      this.owner = owner;
      this.export = export;
      this.bytes = bytes;
      this.begun = begun;
      this.granted = granted;
    }
  }

  MemoryQueue(MemoryBudget total) {
    this.total = total;
  }

  /**
   * Takes bytes as soon as it is their turn, which may be now.
   *
   * @param owner who may have the overdraft
   * @param begun whether they are to finish a payload that has begun
   * @param granted run once they have been taken, if not now; on any thread, without a lock
   * @return null if they were taken now
   */
  @Nullable Ticket take(
      Object owner, MemoryBudget export, long bytes, boolean begun, Runnable granted) {
    Ticket mine = new Ticket(owner, export, bytes, begun, granted);
    List<Ticket> served;
    synchronized (this) {
      (begun ? this.begun : fresh).add(mine);
      waiting.incrementAndGet();
      served = serve();
    }
    boolean now = served.remove(mine);
    served.forEach(t -> t.granted.run());
    return now ? null : mine;
  }

  /** Gives up a place. False if it is too late: the bytes are granted. */
  boolean cancel(Ticket ticket) {
    List<Ticket> served;
    synchronized (this) {
      if (!(ticket.begun ? begun : fresh).remove(ticket)) {
        return false;
      }
      waiting.decrementAndGet();
      served = serve();
    }
    served.forEach(t -> t.granted.run());
    return true;
  }

  void give(MemoryBudget export, long bytes) {
    export.give(bytes);
    total.give(bytes);
    if (contended()) {
      serveWaiters();
    }
  }

  /** The owner has finished what it overdrew for; the bytes are given back as any others. */
  void endOverdraw(Object owner) {
    if (overdrawn == owner) {
      overdrawn = null;
      serveWaiters();
    }
  }

  /** Whether somebody waits. */
  boolean contended() {
    return waiting.get() > 0;
  }

  /** Whether nobody waits and so many bytes are free. */
  boolean hasRoom(MemoryBudget export, long bytes) {
    return !contended() && export.fits(bytes) && total.fits(bytes);
  }

  /** Takes bytes if nobody waits and they are free. */
  boolean tryTake(MemoryBudget export, long bytes) {
    return !contended() && acquire(export, bytes);
  }

  private boolean acquire(MemoryBudget export, long bytes) {
    if (!export.tryTake(bytes)) {
      return false;
    }
    if (!total.tryTake(bytes)) {
      export.give(bytes);
      return false;
    }
    return true;
  }

  private void serveWaiters() {
    List<Ticket> served;
    synchronized (this) {
      served = serve();
    }
    served.forEach(t -> t.granted.run());
  }

  /** Takes for all whose turn it is and removes them; holds the lock. */
  private List<Ticket> serve() {
    List<Ticket> served = new ArrayList<>();
    for (Iterator<Ticket> i = begun.iterator(); i.hasNext(); ) {
      Ticket t = i.next();
      if (acquire(t.export, t.bytes) || overdraw(t)) {
        i.remove();
        served.add(t);
      }
    }
    boolean room = begun.stream().allMatch(t -> total.fits(t.bytes));
    for (Iterator<Ticket> i = fresh.iterator(); room && i.hasNext(); ) {
      Ticket t = i.next();
      if (acquire(t.export, t.bytes)) {
        i.remove();
        served.add(t);
      } else {
        room = total.fits(t.bytes);
      }
    }
    waiting.addAndGet(-served.size());
    return served;
  }

  private boolean overdraw(Ticket t) {
    if (overdrawn != null && overdrawn != t.owner) {
      return false;
    }
    overdrawn = t.owner;
    t.export.overdraw(t.bytes);
    total.overdraw(t.bytes);
    return true;
  }
}
