package dev.wherry.path.map;

import static dev.wherry.path.map.BlockMap.NEWER;
import static dev.wherry.path.map.BlockMap.SAME;
import static dev.wherry.path.map.BlockMap.ZERO;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Claims what a flush of the store made true. One commit runs; those that come meanwhile wait for
 * the next one together, for its flush must begin after their call.
 *
 * <pre>
 *   capture what is pending | flush the store | append the claims | force | mark as durable
 *                            \______ changes of captured blocks are noted _____/
 * </pre>
 *
 * A block that became newer meanwhile is claimed as newer: what was flushed is in the store, and
 * what came on top may differ. One that became zero, or was given to the source again, is not.
 */
final class Commits {
  /** The store's data is the source's, but perhaps not yet flushed: not to be claimed the same. */
  private static final int GIVEN = 1;

  /** The block became zero, or was: nothing to claim. */
  private static final int DROPPED = 2;

  private static final class Group {
    final CompletableFuture<Void> done = new CompletableFuture<>();
    final Supplier<CompletableFuture<Void>> flush;

    Group(Supplier<CompletableFuture<Void>> flush) {
      this.flush = flush;
    }
  }

  private final States states;
  private final Extents extents;
  private final Journal journal;
  private final Object lock;
  private final Executor worker;
  private final Pages touched;
  private @Nullable Group running;
  private @Nullable Group next;

  Commits(States states, Extents extents, Journal journal, Object lock, Executor worker) {
    this.states = states;
    this.extents = extents;
    this.journal = journal;
    this.lock = lock;
    this.worker = worker;
    this.touched = states.touched;
  }

  /** See {@link BlockMap#commit}. */
  CompletableFuture<Void> commit(Supplier<CompletableFuture<Void>> flush) {
    Group group;
    synchronized (lock) {
      Throwable broken = journal.broken();
      if (broken != null) {
        return CompletableFuture.failedFuture(broken);
      }
      if (running != null) {
        if (next == null) {
          next = new Group(flush);
        }
        return next.done;
      }
      if (states.pending.count(States.SETTLED) == states.geometry.blocks() && !journal.unforced()) {
        group = null;
      } else {
        group = new Group(flush);
        running = group;
      }
    }
    if (group == null) {
      return flush(flush);
    }
    run(group);
    return group.done;
  }

  private static CompletableFuture<Void> flush(Supplier<CompletableFuture<Void>> flush) {
    try {
      return flush.get();
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** With the lock: the blocks were given to the source. */
  void given(long from, long end) {
    touch(from, end, GIVEN);
  }

  /** With the lock: the blocks became zero, or are no longer. */
  void dropped(long from, long end) {
    touch(from, end, DROPPED);
  }

  private void touch(long from, long end, int how) {
    if (running == null) {
      return;
    }
    for (long at = from; at < end; ) {
      long to = touched.runEnd(at, end);
      if (touched.get(at) < how) {
        touched.fill(at, to, how);
      }
      at = to;
    }
  }

  private void run(Group group) {
    Runs captured;
    synchronized (lock) {
      captured = pending();
      touched.clear();
    }
    flush(group.flush)
        .thenCompose(flushed -> journal.change(() -> claim(captured)))
        .thenAccept(this::mark)
        .whenComplete((done, failure) -> finish(group, failure));
  }

  /** Takes as long as much is pending, however large the map is: every FLUSH comes by here. */
  private Runs pending() {
    Runs runs = new Runs();
    long end = states.geometry.blocks();
    for (long at = states.pending.nextNonZero(0, end); at < end; ) {
      long to = states.pending.next(States.SETTLED, at, end);
      runs.add(at, to, 0);
      at = states.pending.nextNonZero(to, end);
    }
    return runs;
  }

  /** With the lock. What to mark, once it is durable. */
  private CompletableFuture<Runs> claim(Runs captured) {
    Runs claims = new Runs();
    Runs marks = new Runs();
    captured.forEach(
        (from, end, none) -> {
          for (long at = from; at < end; ) {
            long to = touched.runEnd(at, states.live.runEnd(at, end));
            consider(at, to, claims, marks);
            at = to;
          }
        });
    Records records = new Records();
    claims.forEach((from, end, state) -> records.set(from, end, state));
    journal.append(records);
    claims.forEach(
        (from, end, state) -> {
          states.pending.fill(from, end, States.OVER_HERE);
          extents.recorded(from, end);
        });
    touched.clear();
    return journal.unforced()
        ? journal.force().thenApply(forced -> marks)
        : CompletableFuture.completedFuture(marks);
  }

  private void consider(long from, long end, Runs claims, Runs marks) {
    int how = touched.get(from);
    int state = states.live.get(from);
    if (how == DROPPED) {
      return;
    }
    if (state != ZERO) {
      claims.add(from, end, how == GIVEN ? NEWER : state);
    }
    if (how != GIVEN || state != SAME) {
      marks.add(from, end, 0);
    }
  }

  private void mark(Runs marks) {
    synchronized (lock) {
      marks.forEach(
          (from, end, none) -> {
            for (long at = touched.next(0, from, end); at < end; ) {
              long to = touched.runEnd(at, end);
              states.pending.fill(at, to, States.SETTLED);
              at = touched.next(0, to, end);
            }
          });
    }
  }

  private void finish(Group group, @Nullable Throwable failure) {
    Group following;
    synchronized (lock) {
      following = next;
      running = next;
      next = null;
    }
    if (following != null) {
      run(following);
    }
    if (failure == null) {
      group.done.complete(null);
    } else {
      group.done.completeExceptionally(unwrapped(failure));
    }
    synchronized (lock) {
      states.trim(worker);
    }
  }

  private static Throwable unwrapped(Throwable failure) {
    Throwable cause = failure.getCause();
    return failure instanceof java.util.concurrent.CompletionException && cause != null
        ? cause
        : failure;
  }
}
