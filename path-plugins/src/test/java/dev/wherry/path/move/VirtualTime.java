package dev.wherry.path.move;

import java.time.Duration;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;

/**
 * Time that goes on only when a test lets it, from one thing to do to the next: what is due earlier
 * comes first, and of what is due together what was asked for first. Nanoseconds, from 0 on.
 */
public final class VirtualTime extends VirtualTimer {
  private static final long AN_HOUR = Duration.ofHours(1).toNanos();
  private static final int MOST_STEPS = 1_000_000;

  private record Event(long at, long order, Runnable what) implements Comparable<Event> {
    @Override
    public int compareTo(Event o) {
      return at != o.at ? Long.compare(at, o.at) : Long.compare(order, o.order);
    }
  }

  private final PriorityQueue<Event> events = new PriorityQueue<>();
  private long now;
  private long count;

  @Override
  public long now() {
    return now;
  }

  @Override
  public void after(long nanos, Runnable what) {
    at(now + Math.max(0, nanos), what);
  }

  /** Has something done at this time; now, but not within the call, if it has passed. */
  public void at(long nanos, Runnable what) {
    events.add(new Event(Math.max(nanos, now), count++, what));
  }

  /** A timer in this time that does everything so many nanoseconds after it was due. */
  public VirtualTimer late(long late) {
    return new VirtualTimer() {
      @Override
      public long now() {
        return now;
      }

      @Override
      public void after(long nanos, Runnable what) {
        VirtualTime.this.after(nanos + late, what);
      }
    };
  }

  /** Does what is due next; false if there is nothing. */
  public boolean step() {
    Event next = events.poll();
    if (next == null) {
      return false;
    }
    now = next.at;
    next.what.run();
    return true;
  }

  /** Does all that is left, and what comes of it; fails if that never ends. */
  public void drain() {
    for (int steps = 0; step(); steps++) {
      if (steps > MOST_STEPS) {
        throw new AssertionError("it never ends");
      }
    }
  }

  /** Lets so much time pass. */
  public void pass(long nanos) {
    long end = now + nanos;
    runUntil(() -> false, end);
    now = end;
  }

  /** Until it is true, or so much time has passed; whether it is true. */
  public boolean until(BooleanSupplier done, long nanos) {
    return runUntil(done, now + nanos);
  }

  /** Until it is done, or fails if it is not within an hour; its value, or its failure. */
  public <T> T await(CompletableFuture<T> what) {
    if (!until(what::isDone, AN_HOUR)) {
      throw new AssertionError("nothing happens any more");
    }
    return what.join();
  }

  private boolean runUntil(BooleanSupplier done, long end) {
    while (!done.getAsBoolean()) {
      Event next = events.peek();
      if (next == null || next.at > end) {
        return false;
      }
      step();
    }
    return true;
  }
}
