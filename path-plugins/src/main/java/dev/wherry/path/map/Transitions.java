package dev.wherry.path.map;

import static dev.wherry.path.map.BlockMap.NEWER;
import static dev.wherry.path.map.BlockMap.NOT_HERE;
import static dev.wherry.path.map.BlockMap.SAME;
import static dev.wherry.path.map.BlockMap.ZERO;

import dev.wherry.path.Answers;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * How blocks go from one state to another: what the journal has to have of it before it counts.
 * What is left to be written down when the store was flushed is for {@link Commits}.
 *
 * <pre>
 *   a write to a block that is     before its data                    at the commit
 *   NEWER, durable                 -                                  -
 *   SAME, durable                  DIFFER, forced, once an extent     -
 *   any other                      INTENT: a hash of each unit        SET NEWER, after the flush
 *   zeroed                         SET ZERO (forced over SAME)        force
 *   hydrated                       -                                  SET SAME, after the flush
 *   same                           -                                  SET SAME, after the flush
 * </pre>
 *
 * Of blocks that were SAME and are written the journal may say SAME for long, as long as their
 * extent is active; {@link #rest} and a surplus of extents write down which ones differ.
 *
 * <p>Safe on any thread; each takes the map's lock, for an append to the page cache at most.
 * Futures complete on the caller or on a worker, and fail as {@link Journal} does.
 */
final class Transitions {
  private final Object lock;
  private final States states;
  private final Extents extents;
  private final Journal journal;
  private final Commits commits;
  private final Hashes hashes;
  private final int most;

  /**
   * @param most extents that may be active before the oldest is brought to rest
   */
  Transitions(
      States states,
      Extents extents,
      Journal journal,
      Commits commits,
      Hashes hashes,
      Object lock,
      int most) {
    this.states = states;
    this.extents = extents;
    this.journal = journal;
    this.commits = commits;
    this.hashes = hashes;
    this.lock = lock;
    this.most = most;
  }

  /**
   * See {@link BlockMap#intend}; the blocks are not settled.
   *
   * @param from the first block of the data
   * @param end after the last one
   */
  CompletableFuture<Void> intend(long offset, ByteBuf data, long from, long end) {
    Hashes.Of units = hashes.of(offset, data, from, end);
    return journal.change(() -> intend(from, end, units));
  }

  /** With the lock. */
  private CompletableFuture<Void> intend(long from, long end, Hashes.Of units) {
    Records records = new Records();
    Runs differ = new Runs();
    for (long at = from; at < end; ) {
      long to = states.runEnd(at, end);
      if (states.recordedSame(at)) {
        differ.add(at, to, 0);
        extents.activate(at, to, records);
      } else if (states.needsHashes(at)) {
        units.put(at, to, records);
      }
      at = to;
    }
    append(records, from, end);
    unsettledNewer(from, end);
    return differ(differ);
  }

  /**
   * With the lock: blocks that are the same, but not for good, are newer at once. That claims less,
   * and they are not {@linkplain BlockMap#settled settled} before a commit, which is not to claim
   * that they are the same.
   */
  private void unsettledNewer(long from, long end) {
    for (long at = states.live.next(SAME, from, end); at < end; ) {
      long to = states.runEnd(at, end);
      if (states.pending.get(at) != States.SETTLED) {
        states.set(at, to, NEWER);
        commits.given(at, to);
      }
      at = states.live.next(SAME, to, end);
    }
  }

  /** With the lock: blocks recorded as the same differ, once their extents say so durably. */
  private CompletableFuture<Void> differ(Runs runs) {
    boolean[] forced = {true};
    runs.forEach(
        (from, end, none) -> {
          extents.activated(from, end);
          forced[0] &= extents.forced(from, end);
        });
    if (forced[0]) {
      newer(runs);
      return Answers.done();
    }
    runs.forEach((from, end, none) -> extents.await(from, end));
    return journal
        .force()
        .thenAccept(
            done -> {
              synchronized (lock) {
                newer(runs);
                runs.forEach((from, end, none) -> extents.awaited(from, end));
              }
            });
  }

  private void newer(Runs runs) {
    runs.forEach((from, end, none) -> states.set(from, end, NEWER));
  }

  /**
   * With the lock: appends, and brings extents to rest that are too many; not those of the range,
   * on which the records rely.
   */
  private void append(Records records, long from, long end) {
    List<Long> resting = extents.surplus(most, from, end);
    extents.rest(resting, records);
    journal.append(records);
    extents.rested(resting);
  }

  /** See {@link BlockMap#written}. */
  void written(long from, long end) {
    synchronized (lock) {
      for (long at = from; at < end; ) {
        long to = states.runEnd(at, end);
        int state = states.live.get(at);
        if (state == NOT_HERE) {
          states.pending.fill(at, to, States.OVER_NONE);
        } else if (state == ZERO) {
          states.pending.fill(at, to, States.OVER_ZERO);
          commits.dropped(at, to);
        }
        states.set(at, to, NEWER);
        at = to;
      }
    }
  }

  /** See {@link BlockMap#zeroed}. */
  CompletableFuture<Void> zeroed(long from, long end) {
    return journal.change(() -> zero(from, end));
  }

  /** With the lock. */
  private CompletableFuture<Void> zero(long from, long end) {
    // The store may forget them at once. A power cut must not leave the record that they are the
    // same as in the source.
    boolean force = false;
    for (long at = from; at < end && !force; ) {
      long to = states.runEnd(at, end);
      force = states.recordedSame(at) && !extents.forced(at, to);
      at = to;
    }
    append(new Records().set(from, end, ZERO), from, end);
    extents.recorded(from, end);
    commits.dropped(from, end);
    states.set(from, end, ZERO);
    states.pending.fill(from, end, States.OVER_ZERO);
    return force ? journal.force() : Answers.done();
  }

  /** See {@link BlockMap#hydrated}. */
  void hydrated(long from, long end) {
    synchronized (lock) {
      for (long at = states.live.next(NOT_HERE, from, end); at < end; ) {
        long to = states.live.runEnd(at, end);
        states.pending.fill(at, to, States.OVER_NONE);
        states.set(at, to, SAME);
        at = states.live.next(NOT_HERE, to, end);
      }
    }
  }

  /** See {@link BlockMap#differ}. */
  CompletableFuture<Void> differ(long from, long end) {
    return journal.change(() -> record(from, end));
  }

  /** With the lock. */
  private CompletableFuture<Void> record(long from, long end) {
    Records records = new Records();
    for (long at = states.live.next(SAME, from, end); at < end; ) {
      long to = states.runEnd(at, end);
      if (states.recordedSame(at)) {
        records.set(at, to, NEWER);
      }
      at = states.live.next(SAME, to, end);
    }
    append(records, from, end);
    for (long at = states.live.next(SAME, from, end); at < end; ) {
      long to = states.runEnd(at, end);
      if (states.pending.get(at) == States.SETTLED) {
        states.pending.fill(at, to, States.OVER_HERE);
      }
      at = states.live.next(SAME, to, end);
    }
    unsettledNewer(from, end);
    return journal.unforced() ? journal.force() : Answers.done();
  }

  /** See {@link BlockMap#same}. */
  void same(long from, long end) {
    synchronized (lock) {
      for (long at = states.live.next(NEWER, from, end); at < end; ) {
        long to = states.runEnd(at, end);
        if (states.pending.get(at) == States.SETTLED) {
          states.pending.fill(at, to, States.OVER_HERE);
        }
        commits.given(at, to);
        states.set(at, to, SAME);
        at = states.live.next(NEWER, to, end);
      }
    }
  }

  /** See {@link BlockMap#forgotten}. */
  CompletableFuture<Void> forgotten(long from, long end) {
    return journal.change(
        () -> {
          append(new Records().set(from, end, NOT_HERE), from, end);
          extents.recorded(from, end);
          states.set(from, end, NOT_HERE);
          states.pending.fill(from, end, States.SETTLED);
          return Answers.done();
        });
  }

  /** Writes down which blocks of active extents differ: no extent has to say it any longer. */
  CompletableFuture<Void> rest() {
    return journal.change(this::restAll);
  }

  /** With the lock. */
  private CompletableFuture<Void> restAll() {
    Records records = new Records();
    List<Long> resting = extents.list();
    extents.rest(resting, records);
    journal.append(records);
    extents.rested(resting);
    return Answers.done();
  }
}
