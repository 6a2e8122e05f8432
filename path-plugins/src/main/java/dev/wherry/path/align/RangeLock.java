package dev.wherry.path.align;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Serialises what overlaps and nothing else. Holders of a range are shared or exclusive; who asks
 * waits for all earlier ones that overlap and of which one of the two is exclusive, granted or not:
 * first come, first served, so nobody starves. No thread waits: what is to be done runs when the
 * range is free.
 *
 * <p>Any thread may call. Without a conflict one small object is made and a list of the requests in
 * flight, some hundreds at most, is walked.
 */
public final class RangeLock {
  private @Nullable Hold newest;

  /** A range that is held, or waited for. Release it once. */
  public final class Hold {
    private final long start;
    private final long end;
    private final boolean exclusive;
    private final Holder holder;
    private int blockers;
    private @Nullable List<Hold> waiters;
    private @Nullable Hold older;
    private @Nullable Hold newer;

    private Hold(long start, long end, boolean exclusive, Holder holder) {
      this.start = start;
      this.end = end;
      this.exclusive = exclusive;
      this.holder = holder;
    }

    private boolean conflictsWith(Hold other) {
      return start < other.end && other.start < end && (exclusive || other.exclusive);
    }

    /** Lets those run that waited for this one alone: on this thread, before it returns. */
    public void release() {
      List<Hold> granted;
      synchronized (RangeLock.this) {
        unlink(this);
        if (waiters == null) {
          return;
        }
        granted = new ArrayList<>(waiters.size());
        for (Hold waiter : waiters) {
          if (--waiter.blockers == 0) {
            granted.add(waiter);
          }
        }
      }
      for (Hold waiter : granted) {
        waiter.holder.run(waiter);
      }
    }
  }

  /** What is done with a range once it is held. It releases the hold, maybe much later. */
  @FunctionalInterface
  public interface Holder {
    void run(Hold hold);
  }

  /**
   * Runs {@code holder} when nothing that conflicts holds the range or asked for it before: at once
   * on this thread, or on the thread that releases the last conflicting hold.
   *
   * @param offset in any unit, as long as it is the same for all
   * @param length more than 0
   */
  public void lock(long offset, long length, boolean exclusive, Holder holder) {
    Hold hold = new Hold(offset, offset + length, exclusive, holder);
    synchronized (this) {
      for (Hold other = newest; other != null; other = other.older) {
        if (hold.conflictsWith(other)) {
          if (other.waiters == null) {
            other.waiters = new ArrayList<>(2);
          }
          other.waiters.add(hold);
          hold.blockers++;
        }
      }
      link(hold);
      if (hold.blockers > 0) {
        return;
      }
    }
    holder.run(hold);
  }

  /**
   * Holds a range exclusively while some work is done.
   *
   * @param work begins when the range is held, on the thread that {@link #lock} says
   * @return the work's outcome, once the range is free again; fails with what failed, in no wrapper
   */
  public <T> CompletableFuture<T> during(
      long offset, long length, Supplier<CompletableFuture<T>> work) {
    CompletableFuture<T> result = new CompletableFuture<>();
    lock(
        offset,
        length,
        true,
        hold ->
            begun(work)
                .whenComplete(
                    (value, failure) -> {
                      hold.release();
                      if (failure == null) {
                        result.complete(value);
                      } else {
                        result.completeExceptionally(causeOf(failure));
                      }
                    }));
    return result;
  }

  private static <T> CompletableFuture<T> begun(Supplier<CompletableFuture<T>> work) {
    try {
      return work.get();
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private static Throwable causeOf(Throwable failure) {
    Throwable cause = failure.getCause();
    return failure instanceof CompletionException && cause != null ? causeOf(cause) : failure;
  }

  /** Takes a range if that needs no waiting; else returns null and leaves no trace. */
  public @Nullable Hold tryLock(long offset, long length, boolean exclusive) {
    Hold hold = new Hold(offset, offset + length, exclusive, unused -> {});
    synchronized (this) {
      for (Hold other = newest; other != null; other = other.older) {
        if (hold.conflictsWith(other)) {
          return null;
        }
      }
      link(hold);
      return hold;
    }
  }

  private void link(Hold hold) {
    hold.older = newest;
    if (newest != null) {
      newest.newer = hold;
    }
    newest = hold;
  }

  private void unlink(Hold hold) {
    if (hold.older != null) {
      hold.older.newer = hold.newer;
    }
    if (hold.newer != null) {
      hold.newer.older = hold.older;
    } else if (newest == hold) {
      newest = hold.older;
    } else {
      throw new IllegalStateException("a range was released twice");
    }
    hold.older = null;
    hold.newer = null;
  }
}
