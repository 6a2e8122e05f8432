package dev.wherry.nbd.client;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Decides which command may be sent now, and holds those that may not. A command that is not sent
 * is in one place at a time:
 *
 * <ul>
 *   <li>{@link #waiting}, while no session is open;
 *   <li>among the waiters of a change in flight that it overlaps;
 *   <li>{@link #throttled}, where too much is not flushed;
 *   <li>behind the {@link #barrier}: a command that lost its turn too often, and is now next.
 * </ul>
 */
final class Admission {
  /** A command that lost its turn so often gets the next one, whoever else comes. */
  private static final int MAX_TURNS = 16;

  private final long limit;
  private final Ledger ledger;
  private final Consumer<Command> send;
  private final Runnable flush;

  private final Overlaps overlaps = new Overlaps();
  private final ArrayDeque<Command> waiting = new ArrayDeque<>();
  private final ArrayDeque<Command> throttled = new ArrayDeque<>();
  private final ArrayDeque<Command> behindBarrier = new ArrayDeque<>();
  private @Nullable Command barrier;

  /** Cost of the changes in flight, in bytes: once answered they are in the ledger. */
  private long changing;

  private boolean open;
  private boolean keepsLedger;
  private boolean unthrottling;

  /**
   * @param limit most that the ledger and the changes in flight may cost, in bytes
   * @param send sends a command over the open session
   * @param flush is called where a flush of our own would help
   */
  Admission(long limit, Ledger ledger, Consumer<Command> send, Runnable flush) {
    this.limit = limit;
    this.ledger = ledger;
    this.send = send;
    this.flush = flush;
  }

  /** A session is open: sends what has waited for it. */
  void open(boolean serverFlushes) {
    open = true;
    keepsLedger = serverFlushes;
    admitAll(waiting);
    unthrottle();
  }

  /** No session is open: nothing is sent. */
  void close() {
    open = false;
  }

  /** Sends a command if nothing stands against it, else puts it where it waits. */
  void admit(Command c) {
    if (c.settled) {
      discard(c);
      return;
    }
    if (!open) {
      waiting.add(c);
      return;
    }
    if (c.hasRange() && mustWait(c)) {
      return;
    }
    if (c.changesData()) {
      if (isThrottled(c) || (!throttled.isEmpty() && !unthrottling)) {
        throttled.add(c);
        flush.run();
        return;
      }
      overlaps.hold(c);
      changing += c.cost();
    }
    c.admitted = true;
    send.accept(c);
    if (barrier == c) {
      liftBarrier();
    }
  }

  private boolean mustWait(Command c) {
    if (barrier != null && barrier != c) {
      behindBarrier.add(c);
      return true;
    }
    Command other = overlaps.find(c);
    if (other == null) {
      return false;
    }
    if (++c.turns > MAX_TURNS) {
      barrier = c;
    }
    if (other.waiters == null) {
      other.waiters = new ArrayDeque<>();
    }
    other.waiters.add(c);
    return true;
  }

  private boolean isThrottled(Command c) {
    if (!keepsLedger) {
      return false;
    }
    long kept = ledger.bytes() + changing;
    return kept > 0 && kept + c.cost() > limit;
  }

  /** In the order they came: a large one is not overtaken for ever by small ones. */
  void unthrottle() {
    if (!unthrottling) {
      unthrottling = true;
      while (open && !throttled.isEmpty() && !isThrottled(throttled.element())) {
        admit(throttled.remove());
      }
      unthrottling = false;
    }
  }

  /** Whether so much is kept that a flush is due that nobody has asked for. */
  boolean wantsFlush() {
    return open && !ledger.isEmpty() && (ledger.bytes() > limit / 2 || !throttled.isEmpty());
  }

  private void liftBarrier() {
    barrier = null;
    admitAll(behindBarrier);
  }

  private void admitAll(Queue<Command> queue) {
    for (int n = queue.size(); n > 0 && !queue.isEmpty(); n--) {
      admit(queue.remove());
    }
  }

  /** A change was answered: its range is free, and it goes into the ledger if it succeeded. */
  void changed(Command c) {
    unhold(c);
    if (c.error() == null && keepsLedger) {
      ledger.append(c);
    } else {
      c.releasePayload();
    }
  }

  private void unhold(Command c) {
    overlaps.release(c);
    changing -= c.cost();
    c.admitted = false;
  }

  /** Lets those go on that waited for the range of a command. */
  void wake(Command c) {
    ArrayDeque<Command> waiters = c.waiters;
    if (waiters != null) {
      c.waiters = null;
      admitAll(waiters);
    }
  }

  /** Lets go of a command that nobody waits for and that is nowhere else. */
  void discard(Command c) {
    if (c.admitted && c.changesData()) {
      unhold(c);
    }
    c.releasePayload();
    c.dropReply();
    wake(c);
    expired(c);
  }

  /** A command's caller waits no longer: it holds up nobody. */
  void expired(Command c) {
    if (barrier == c) {
      liftBarrier();
    }
  }

  /** Takes a command out of the queues; false if it is in none of them. */
  boolean remove(Command c) {
    return waiting.remove(c) || throttled.remove(c) || behindBarrier.remove(c);
  }

  /** Discards everything in the queues. All of it must be settled. */
  void clear() {
    open = false;
    barrier = null;
    for (Queue<Command> queue : List.of(waiting, throttled, behindBarrier)) {
      while (!queue.isEmpty()) {
        discard(queue.remove());
      }
    }
  }
}
