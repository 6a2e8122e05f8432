package dev.wherry.path.shared;

import dev.wherry.path.map.BlockMap;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What the source has and what it lacks: the state that the parts of a {@link FollowingWriter}
 * share. A block that was changed is in one of these sets until the source is known to have it
 * durably:
 *
 * <pre>
 *   pending    changed, and in no batch yet
 *   batch      on its way in the batch that is being sent
 *   mirrored   in the source, which has not flushed it
 *   flushing   in the source, which is flushing it
 * </pre>
 *
 * <p>Safe on any thread; every method is one step. None of them waits or calls anything that might.
 */
final class Ledger {
  private final LayeredStore store;
  private final boolean through;
  private final boolean stall;
  private final Duration period;
  private final LongSupplier nanoClock;

  // Guarded by this.
  private boolean mirroring;
  private BlockSet pending = new BlockSet();
  private boolean anyPending;
  private long pendingSince;
  private BlockSet mirrored = new BlockSet();
  private final List<BlockSet> flushing = new ArrayList<>();
  private @Nullable Batch batch;
  private boolean cutting;
  private boolean stopped;
  private long notBefore;
  private long number;
  private @Nullable String failure;
  private CompletableFuture<Void> caughtUp = new CompletableFuture<>();

  /** All that may differ from the source is behind. */
  Ledger(LayeredStore store, boolean through, Following following, LongSupplier nanoClock) {
    this.store = store;
    this.through = through;
    this.stall = following.stall();
    this.period = following.period();
    this.nanoClock = nanoClock;
    this.notBefore = nanoClock.getAsLong();
    store.dirty().forEach(r -> behind(r.from(), r.end()));
  }

  // ------------------------------------------------------------------ asked

  /** The batch that was committed last, as far as writes go with it. */
  synchronized long number() {
    return number;
  }

  synchronized @Nullable String failure() {
    return failure;
  }

  synchronized boolean isStopped() {
    return stopped;
  }

  /** The batch that is being sent, or null. */
  synchronized @Nullable Batch batch() {
    return batch;
  }

  /** What hosts wait for: for the source to be there again; null if they do not. */
  synchronized @Nullable CompletableFuture<Void> obstacle() {
    return through && stall && !mirroring && !stopped && failure != null ? caughtUp : null;
  }

  /** How far the source is behind. */
  synchronized Lag lag() {
    Batch current = batch;
    BlockSet all = new BlockSet();
    pending.runs(store.blocks()).forEach(r -> all.add(r.from(), r.end()));
    if (current != null) {
      current.blocks().runs(store.blocks()).forEach(r -> all.add(r.from(), r.end()));
    }
    long age = 0;
    if (current != null || anyPending) {
      long since = current == null ? pendingSince : current.since();
      age = Math.max(0, nanoClock.getAsLong() - since);
    }
    Lag.Mode mode = mirroring ? Lag.Mode.THROUGH : through ? Lag.Mode.DEGRADED : Lag.Mode.BACK;
    return new Lag(mode, bytes(all), age, failure);
  }

  /** Bytes of blocks, whole ones. */
  long bytes(BlockSet set) {
    return Run.total(set.runs(store.blocks())) * store.blockSize();
  }

  // ------------------------------------------------------------------ changes

  private void behind(long first, long end) {
    if (!anyPending) {
      anyPending = true;
      pendingSince = nanoClock.getAsLong();
    }
    pending.add(first, end);
  }

  private void behind(BlockSet set) {
    set.runs(store.blocks()).forEach(r -> behind(r.from(), r.end()));
  }

  /**
   * A change of blocks begins, which the caller holds.
   *
   * @return whether the source gets it at once; otherwise it is noted as behind
   */
  synchronized boolean begins(long first, long end) {
    if (!mirroring) {
      behind(first, end);
    }
    return mirroring;
  }

  /**
   * A change that the source was to get at once has ended.
   *
   * @param both whether it is here and in the source
   */
  synchronized void ended(long first, long end, boolean both) {
    if (both && mirroring) {
      mirrored.add(first, end);
    } else {
      behind(first, end);
    }
  }

  /**
   * The source does not follow any more: what it may not have durably is behind.
   *
   * @return false if that is known
   */
  synchronized boolean degrade(Throwable why) {
    if (!mirroring) {
      return false;
    }
    mirroring = false;
    failure = String.valueOf(why.getMessage());
    notBefore = nanoClock.getAsLong() + period.toNanos();
    behind(mirrored);
    flushing.forEach(this::behind);
    mirrored = new BlockSet();
    return true;
  }

  // ------------------------------------------------------------------ flushes

  /** Begins a flush of both: what the source is to have durably then; null if it has no part. */
  synchronized @Nullable BlockSet beginFlush() {
    if (!mirroring || stopped) {
      return null;
    }
    BlockSet given = mirrored;
    mirrored = new BlockSet();
    flushing.add(given);
    return given;
  }

  /**
   * Ends a flush of both.
   *
   * @param both whether it has worked on both sides
   * @return whether the source has that durably
   */
  synchronized boolean endFlush(BlockSet given, boolean both) {
    flushing.remove(given);
    if (!both && mirroring) {
      given.runs(store.blocks()).forEach(r -> mirrored.add(r.from(), r.end()));
    }
    return both && mirroring;
  }

  /** The source has these blocks durably: those that were not written since are the same. */
  synchronized void note(long first, long end) {
    for (long b = first; !stopped && b < end; ) {
      long to = Math.min(pending.next(true, b, end), mirrored.next(true, b, end));
      for (BlockSet set : flushing) {
        to = set.next(true, b, to);
      }
      Batch current = batch;
      to = current == null ? to : current.blocks().next(true, b, to);
      if (b < to) {
        store.given(b, to);
      }
      b = to + 1;
    }
  }

  // ------------------------------------------------------------------ batches

  /** Whether a batch is to be made. */
  synchronized boolean isDue() {
    return !stopped
        && !mirroring
        && !cutting
        && batch == null
        && (anyPending || through)
        && nanoClock.getAsLong() - notBefore >= 0;
  }

  /** Begins to make a batch, if one is to be made; {@link #cut} follows. */
  synchronized boolean beginCut() {
    if (!isDue()) {
      return false;
    }
    cutting = true;
    return true;
  }

  /**
   * Makes the batch of what is behind; all blocks are held.
   *
   * @param memory bytes that it may keep
   * @param largest bytes of a piece at most
   * @return null if it is not to be any more
   */
  synchronized @Nullable Batch cut(long memory, int largest) {
    BlockMap map = store.map();
    cutting = false;
    if (stopped || map == null) {
      return null;
    }
    long since = anyPending ? pendingSince : nanoClock.getAsLong();
    Batch made = new Batch(store, map, pending, memory, largest, since);
    pending = new BlockSet();
    anyPending = false;
    batch = made;
    return made;
  }

  /**
   * The source has all; all blocks are held.
   *
   * @return what waited for that, to be completed; null if nothing is to follow
   */
  synchronized @Nullable CompletableFuture<Void> reached(long committed) {
    if (stopped) {
      return null;
    }
    mirroring = true;
    number = committed;
    failure = null;
    mirrored = new BlockSet();
    // It may be lost again before these are told.
    CompletableFuture<Void> waited = caughtUp;
    caughtUp = new CompletableFuture<>();
    return waited;
  }

  /**
   * A batch has ended, in the source or not.
   *
   * @return whether anybody wants to know
   */
  synchronized boolean ended(Batch made, @Nullable Throwable lost) {
    batch = null;
    if (lost != null) {
      boolean later = anyPending;
      behind(made.blocks());
      pendingSince = later ? Math.min(pendingSince, made.since()) : made.since();
      failure = String.valueOf(Failures.causeOf(lost).getMessage());
      notBefore = nanoClock.getAsLong() + period.toNanos();
    } else if (!through) {
      failure = null;
    }
    return !stopped;
  }

  /** The source may be there: it is not waited for the next try. */
  synchronized void retry() {
    notBefore = nanoClock.getAsLong();
  }

  /**
   * Nothing is sent any more.
   *
   * @return what hosts may wait for
   */
  synchronized CompletableFuture<Void> stop() {
    stopped = true;
    return caughtUp;
  }
}
