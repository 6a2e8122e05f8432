package dev.wherry.path.shared;

import dev.wherry.path.move.Hydrator;
import dev.wherry.path.move.Mover;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Runs the background move that the role calls for: of an owner that misses blocks, or a standby.
 */
final class Moves {
  private static final long RECHECK_MILLIS = 5000;

  private final Core core;
  private @Nullable Mover mover;

  /** The last one that was. */
  private @Nullable Mover ended;

  private @Nullable Ahead ahead;
  private @Nullable CompletableFuture<Void> stopping;
  private Mover.Pace pace = Mover.Pace.DEFAULT;
  private boolean closed;
  private int holds;
  private String following = "";

  Moves(Core core) {
    this.core = core;
  }

  /** Starts what should run and does not, and ends what should not. */
  synchronized void refresh() {
    if (closed || holds > 0) {
      return;
    }
    ShareState s = core.state();
    LayeredStore store = core.store();
    if (store == null
        || s.fence() != null
        || s.role() == Role.FORMER
        || !store.policies().anyMoved()) {
      return;
    }
    String leader = s.role() + " " + s.owner() + " " + s.epoch();
    if (mover != null && following.equals(leader)) {
      mover.start();
      return;
    }
    CompletableFuture<Void> before = stopping;
    if (ahead != null && !following.equals(leader)) {
      // What another owner was asked for may come late, and would be taken for what this one sent.
      drop().whenComplete((v, failure) -> refresh());
      return;
    }
    if (mover != null) {
      end().whenComplete((v, failure) -> refresh());
      return;
    }
    if (before != null && !before.isDone()) {
      before.whenComplete((v, failure) -> refresh());
      return;
    }
    Hydrator hydrator;
    if (s.role() == Role.OWNER) {
      if (store.map() == null || store.source() == null) {
        return;
      }
      hydrator = new Missing(store);
    } else {
      Ahead next = ahead;
      if (next == null || !following.equals(leader)) {
        next = new Ahead(core, store, ThreadLocalRandom.current().nextLong());
        ahead = next;
      }
      hydrator = next;
    }
    following = leader;
    Mover m =
        new Mover(
            hydrator, core.foreground()::sum, core.parts().timer(), core.parts().nanoClock(), pace);
    mover = m;
    m.start();
    if (hydrator instanceof Ahead next) {
      recheckAfter(m, next);
    }
  }

  /** While a standby waits for its turn, what the owner changes is brought again. */
  private void recheckAfter(Mover m, Ahead next) {
    m.finished()
        .thenRun(
            () ->
                core.parts()
                    .timer()
                    .schedule(() -> recheck(m, next), RECHECK_MILLIS, TimeUnit.MILLISECONDS));
  }

  private void recheck(Mover m, Ahead next) {
    synchronized (this) {
      if (closed || mover != m) {
        return;
      }
    }
    next.recheck()
        .whenComplete(
            (lost, failure) -> {
              synchronized (this) {
                if (!closed && mover == m) {
                  m.start();
                  recheckAfter(m, next);
                }
              }
            });
  }

  private synchronized CompletableFuture<Void> end() {
    Mover m = mover;
    CompletableFuture<Void> before = stopping;
    if (m == null) {
      return before == null ? CompletableFuture.completedFuture(null) : before;
    }
    mover = null;
    ended = m;
    CompletableFuture<Void> done = m.stop();
    stopping = done;
    return done;
  }

  /** Ends what runs until something calls for it again. */
  CompletableFuture<Void> rest() {
    return end();
  }

  /** Takes back one {@link #stop}. */
  synchronized void resume() {
    holds--;
    refresh();
  }

  /** Ends what runs, until {@link #resume}. */
  synchronized CompletableFuture<Void> stop() {
    holds++;
    return end();
  }

  /**
   * As {@link #stop}, but does not wait for what another node was asked for: that is dropped when
   * it comes. What a standby got ahead is forgotten.
   */
  synchronized CompletableFuture<Void> abandon() {
    holds++;
    return drop();
  }

  private synchronized CompletableFuture<Void> drop() {
    Ahead given = ahead;
    if (given == null) {
      return end();
    }
    Mover m = mover;
    if (m != null) {
      var unused = m.stop();
    }
    mover = null;
    // What is asked for anew is marked under another number: the owner may still get the old asks.
    ahead = null;
    following = "";
    CompletableFuture<Void> done = given.abandon();
    stopping = done;
    return done;
  }

  /** Ends what runs, for good. */
  synchronized CompletableFuture<Void> close() {
    closed = true;
    return end();
  }

  /** How what runs stands, or what is held back; null if nothing does. */
  synchronized Mover.@Nullable Status status() {
    Mover shown = mover == null && holds > 0 ? ended : mover;
    return shown == null ? null : shown.status();
  }

  synchronized void pace(Mover.Pace value) {
    pace = value;
    if (mover != null) {
      mover.pace(value);
    }
  }

  /**
   * The number under which the owner marks what this standby was sent; 0 if it was sent nothing.
   */
  synchronized long session() {
    return ahead == null ? 0 : ahead.session();
  }

  /** What of these runs this standby was sent ahead. */
  synchronized List<Run> received(List<Run> valid) {
    Ahead got = ahead;
    List<Run> runs = new ArrayList<>();
    if (got != null) {
      for (Run run : valid) {
        got.received(run).forEach(r -> Run.append(runs, r.from(), r.end()));
      }
    }
    return runs;
  }

  /** What this standby was sent is in its map, or of no use any more. */
  synchronized void forgetAhead() {
    ahead = null;
  }
}
