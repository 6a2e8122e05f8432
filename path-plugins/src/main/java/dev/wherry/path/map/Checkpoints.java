package dev.wherry.path.map;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Shortens a map's file when its journal has grown: on a worker, from what is in memory and from
 * the hashes in the journal that still count. Requests go on meanwhile, but for the moment of the
 * swap. One at a time.
 *
 * <p>One that finds no room is tried again when hosts ask for it, but no sooner than a second
 * later, and twice as long after each that fails, up to eight seconds: it reads and writes as much
 * as the map is long.
 */
final class Checkpoints {
  private static final Logger LOG = LoggerFactory.getLogger(Checkpoints.class);

  /** Bytes of a journal that are too many beside any checkpoint: the next start reads them all. */
  private static final long MOST = 256 << 20;

  /** How long after one that failed hosts bring about the next one, in nanoseconds: at first. */
  private static final long FIRST_PAUSE = 1_000_000_000;

  /** The same, at most. */
  private static final long LONGEST_PAUSE = 8 * FIRST_PAUSE;

  private final MapFile file;
  private final Journal journal;
  private final States states;
  private final Extents extents;
  private final Object lock;
  private final Executor worker;
  private final long seed;
  private final long limit;
  private final LongSupplier nanoClock;

  /** How long the next pause is; 0 while none has failed since the last that did not. */
  private long pause;

  private long notBefore;
  private CompletableFuture<Void> running = CompletableFuture.completedFuture(null);

  /** Whether the journal has hashes that do not hold: nothing is intended before one has ended. */
  private volatile boolean stale;

  /**
   * @param stale whether the journal has hashes that do not hold
   * @param limit bytes of the journal; more, up to 256 MiB, if the checkpoint itself is longer
   * @param nanoClock as {@link System#nanoTime}
   */
  Checkpoints(
      MapFile file,
      Journal journal,
      States states,
      Extents extents,
      Object lock,
      Executor worker,
      long seed,
      boolean stale,
      long limit,
      LongSupplier nanoClock) {
    this.file = file;
    this.journal = journal;
    this.states = states;
    this.extents = extents;
    this.lock = lock;
    this.worker = worker;
    this.seed = seed;
    this.stale = stale;
    this.limit = limit;
    this.nanoClock = nanoClock;
  }

  /** With the lock, after an append. */
  void consider() {
    long most = Math.max(limit, Math.min(MOST, journal.checkpointLength()));
    if (running.isDone() && journal.sinceCheckpoint() > most) {
      begin();
    }
  }

  private void begin() {
    CompletableFuture<Void> done = new CompletableFuture<>();
    running = done;
    worker.execute(() -> run(done));
  }

  /** Whether the journal has hashes that do not hold. */
  boolean isStale() {
    return stale;
  }

  /**
   * Makes a journal without hashes that do not hold; fails with ENOSPC where it cannot, at once
   * where it could not a moment ago.
   */
  CompletableFuture<Void> refresh() {
    CompletableFuture<Void> end;
    synchronized (lock) {
      if (stale && running.isDone() && !pauses()) {
        begin();
      }
      end = running;
    }
    return end.thenAccept(
        v -> {
          Throwable broken = journal.broken();
          if (broken != null) {
            throw new CompletionException(broken);
          }
          if (stale) {
            throw new CompletionException(Journal.full(null));
          }
        });
  }

  /** With the lock. */
  private boolean pauses() {
    return pause != 0 && nanoClock.getAsLong() - notBefore < 0;
  }

  private void succeeded() {
    synchronized (lock) {
      stale = false;
      pause = 0;
    }
  }

  /** There may be room later: the journal goes on as it is. */
  private void failed(Throwable why) {
    boolean told;
    synchronized (lock) {
      told = pause != 0;
      pause = told ? Math.min(2 * pause, LONGEST_PAUSE) : FIRST_PAUSE;
      notBefore = nanoClock.getAsLong() + pause;
    }
    if (!told) {
      LOG.warn("a block map's journal could not be shortened, and grows on: {}", why.getMessage());
    }
    journal.dropTail();
    try {
      file.discard();
    } catch (IOException left) {
      LOG.warn("a block map's new file is left over: {}", left.getMessage());
    }
  }

  /** Done when none runs. */
  CompletableFuture<Void> idle() {
    synchronized (lock) {
      return running;
    }
  }

  private void run(CompletableFuture<Void> done) {
    try {
      long began;
      List<Long> active;
      synchronized (lock) {
        began = journal.beginTail();
        active = extents.list();
      }
      CheckpointWriter writer = new CheckpointWriter(file, states.geometry, seed);
      writer.states(states, lock);
      carry(began, writer);
      active.forEach(writer::differ);
      journal
          .swap(writer.end())
          .whenComplete(
              (swapped, failure) -> {
                if (failure == null) {
                  succeeded();
                } else if (journal.broken() == null) {
                  failed(failure);
                }
                done.complete(null);
              });
    } catch (IOException | RuntimeException e) {
      failed(e);
      done.complete(null);
    }
  }

  /**
   * While there are hashes that do not hold nothing is intended: those of a block hold if that is
   * here because of them. Where that has become certain meanwhile a later record says so.
   */
  private boolean holds(long block) {
    return states.pending.get(block) != States.SETTLED && states.live.get(block) == BlockMap.NEWER;
  }

  /** The hashes that still counted when it began; later records come after them. */
  private void carry(long began, CheckpointWriter writer) throws IOException {
    Geometry geometry = states.geometry;
    Window window = new Window(file, began);
    try (Intents intents = new Intents(window, geometry.unitsPerBlock(), geometry.blocks())) {
      new Frames(window)
          .visit(
              (type, state, number, position, at, more) ->
                  intents.record(type, number, position, at, more));
      intents.open(block -> !stale || holds(block), writer::intent);
    }
  }
}
