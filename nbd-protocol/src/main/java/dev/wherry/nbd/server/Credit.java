package dev.wherry.nbd.server;

import dev.wherry.nbd.server.MemoryQueue.Ticket;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * One connection's part of the memory budgets: of its own, of its export, of the server. It takes
 * from the shared ones in lumps, so that a small request costs no shared counter.
 *
 * <p>Confined to the connection's event loop.
 */
final class Credit {
  private static final int LUMP = 64 << 10;

  private final MemoryQueue queue;
  private final MemoryBudget export;
  private final int limit;
  private final Executor loop;
  private final Runnable onGrant;
  private @Nullable Ticket ticket;
  private boolean closed;
  private long held;
  private long used;
  private long gathered;

  /**
   * @param limit bytes that the connection may use, though one request may always go beyond
   * @param loop the connection's event loop
   * @param onGrant run on it when what was refused may be asked for again
   */
  Credit(MemoryQueue queue, MemoryBudget export, int limit, Executor loop, Runnable onGrant) {
    this.queue = queue;
    this.export = export;
    this.limit = limit;
    this.loop = loop;
    this.onGrant = onGrant;
  }

  /**
   * Takes bytes for a request. If there are too few now it waits for them; where it is the
   * connection's own limit that is reached, only its own requests can change that.
   */
  boolean take(int bytes) {
    return take(bytes, false);
  }

  /** Takes bytes for more of the payload that is arriving; that alone never reaches the limit. */
  boolean takeForPayload(int bytes) {
    if (!take(bytes, true)) {
      return false;
    }
    gathered += bytes;
    return true;
  }

  /** The payload that was arriving is a request in flight now, or dropped. */
  void endPayload() {
    gathered = 0;
  }

  private boolean take(int bytes, boolean begun) {
    long want = used + bytes;
    if (want > limit && used > (begun ? gathered : 0)) {
      return false;
    }
    if (want > held && !grow(bytes, begun)) {
      return false;
    }
    used = want;
    Ticket t = ticket;
    if (t != null && queue.cancel(t)) {
      ticket = null;
    }
    return true;
  }

  private boolean grow(int bytes, boolean begun) {
    long missing = used + bytes - held;
    // Under pressure a lump is more than a fair share.
    long some = queue.hasRoom(export, LUMP) ? Math.max(missing, LUMP) : missing;
    if (queue.tryTake(export, some)) {
      held += some;
      return true;
    }
    if (ticket != null) {
      return false;
    }
    // Who waits holds nothing that it does not use, or two could wait for each other.
    long spare = held - used;
    held = used;
    queue.give(export, spare);
    ticket = queue.take(this, export, bytes, begun, () -> loop.execute(this::granted));
    if (ticket == null) {
      held += bytes;
    }
    return ticket == null;
  }

  private void granted() {
    Ticket t = ticket;
    if (t == null) {
      throw new IllegalStateException("granted what was not asked for");
    }
    ticket = null;
    held += t.bytes;
    if (!closed) {
      onGrant.run();
    }
    if (gathered == 0) {
      // The payload that it was for ended otherwise.
      endOverdraw();
    }
    trim();
  }

  void give(long bytes) {
    used -= bytes;
    trim();
  }

  private void trim() {
    long spare = used == 0 ? held : held - used - 2L * LUMP;
    if (spare > 0) {
      held -= spare;
      queue.give(export, spare);
    }
  }

  void endOverdraw() {
    queue.endOverdraw(this);
  }

  /** Asks for no more; what is used is given back as it ends. */
  void close() {
    closed = true;
    Ticket t = ticket;
    if (t != null && queue.cancel(t)) {
      ticket = null;
    }
  }

  /** Whether it waits for others to give memory back. */
  boolean waits() {
    return ticket != null;
  }

  /** Bytes that this connection holds. */
  long used() {
    return used;
  }
}
