package dev.wherry.path.map;

import dev.wherry.path.Answers;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A map whose states are in memory and whose truth is in a file: a checkpoint and a journal, drawn
 * at {@link Records}.
 *
 * <p>What of a change is written down, and when, is drawn at {@link Transitions}.
 *
 * <p>After {@link #same} a block is not durable until the next commit: its last data may not be
 * flushed, and must be before it is claimed to be the source's. What is {@link #hydrated} and not
 * committed is fetched again after a crash.
 *
 * <p>Safe on any thread. Changes take a lock, for an append to the page cache at most. Futures
 * complete on the caller or on a worker.
 */
public final class JournaledMap implements BlockMap {
  /**
   * When to tidy up.
   *
   * @param journal bytes of a journal at least, before it is shortened
   * @param extents as many may be active before the oldest is brought to rest
   */
  record Limits(long journal, int extents) {}

  private static final Limits LIMITS = new Limits(16 << 20, 512);

  /**
   * Blocks of a new map; durable.
   *
   * @param from the first block
   * @param end after the last one
   * @param state of all of them
   */
  public record Run(long from, long end, int state) {}

  private final Object lock;
  private final Geometry geometry;
  private final States states;
  private final Journal journal;
  private final Commits commits;
  private final Transitions transitions;
  private final Checkpoints checkpoints;

  /** A new one. */
  private JournaledMap(
      MapFile file, long length, States states, long seed, Executor worker, Limits limits) {
    this(file, length, length, states, new Runs(), seed, false, worker, limits, System::nanoTime);
  }

  /** What was recovered. */
  private JournaledMap(
      MapFile file,
      long length,
      Recovery recovery,
      Executor worker,
      Limits limits,
      LongSupplier nanoClock) {
    this(
        file,
        length,
        recovery.checkpoint(),
        recovery.states(),
        recovery.differing(),
        recovery.seed(),
        recovery.isStale(),
        worker,
        limits,
        nanoClock);
  }

  private JournaledMap(
      MapFile file,
      long length,
      long checkpoint,
      States states,
      Runs differing,
      long seed,
      boolean stale,
      Executor worker,
      Limits limits,
      LongSupplier nanoClock) {
    this.lock = states;
    this.states = states;
    this.geometry = states.geometry;
    Extents extents = new Extents(geometry);
    differing.forEach((from, end, newer) -> extents.activated(from, end));
    this.journal = new Journal(file, length, checkpoint, lock, worker);
    this.commits = new Commits(states, extents, journal, lock, worker);
    this.checkpoints =
        new Checkpoints(
            file, journal, states, extents, lock, worker, seed, stale, limits.journal, nanoClock);
    this.transitions =
        new Transitions(
            states, extents, journal, commits, new Hashes(states, seed), lock, limits.extents);
  }

  /**
   * Makes a map in a new file. Blocks.
   *
   * @param file owned
   * @param blockSize bytes of a block, a power of two, 4 KiB to 1 MiB
   * @param size bytes of the volume
   * @param initial runs in ascending order; what they leave out is {@link #NOT_HERE}. The store's
   *     data of them is durable
   * @param worker for file I/O
   */
  public static JournaledMap create(
      MapFile file, int blockSize, long size, List<Run> initial, Executor worker)
      throws IOException {
    return create(file, new Geometry(blockSize, size), initial, worker, LIMITS);
  }

  static JournaledMap create(
      MapFile file, Geometry geometry, List<Run> initial, Executor worker, Limits limits)
      throws IOException {
    States states = new States(geometry);
    for (Run run : initial) {
      if (run.from < 0
          || run.from >= run.end
          || run.end > geometry.blocks()
          || (run.state & ~3) != 0) {
        throw new IllegalArgumentException(run + " in a map of " + geometry.blocks() + " blocks");
      }
      states.live.fill(run.from, run.end, run.state);
    }
    long seed = ThreadLocalRandom.current().nextLong();
    long length = Recovery.create(file, states, seed);
    return new JournaledMap(file, length, states, seed, worker, limits);
  }

  /**
   * Opens the map in a file, after whatever ended its last use. Blocks. What was written and not
   * committed is here if the store has it, but not durable before the next {@link #commit}. Takes
   * no room where there is none.
   *
   * @param file owned, unless this fails
   * @param blockSize as it was made
   * @param size as it was made
   * @param store the store, which nobody uses until this is done
   * @param worker for file I/O
   * @throws IOException if either cannot be read, or the file is not that of such a map or damaged
   *     where a crash cannot have torn it
   */
  public static JournaledMap open(
      MapFile file, int blockSize, long size, StoreReader store, Executor worker)
      throws IOException {
    return open(file, blockSize, size, store, worker, System::nanoTime);
  }

  /**
   * As {@link #open(MapFile, int, long, StoreReader, Executor)}.
   *
   * @param nanoClock as {@link System#nanoTime}: tells how long nothing is tried for want of room
   */
  public static JournaledMap open(
      MapFile file,
      int blockSize,
      long size,
      StoreReader store,
      Executor worker,
      LongSupplier nanoClock)
      throws IOException {
    return open(file, new Geometry(blockSize, size), store, worker, LIMITS, nanoClock);
  }

  static JournaledMap open(
      MapFile file,
      Geometry geometry,
      StoreReader store,
      Executor worker,
      Limits limits,
      LongSupplier nanoClock)
      throws IOException {
    Recovery recovery = new Recovery(file, geometry, store);
    long length = recovery.run();
    return new JournaledMap(file, length, recovery, worker, limits, nanoClock);
  }

  @Override
  public int blockSize() {
    return geometry.blockSize();
  }

  @Override
  public long blocks() {
    return geometry.blocks();
  }

  @Override
  public int state(long block) {
    return states.live.get(block);
  }

  @Override
  public long runEnd(long from, long end) {
    return states.live.runEnd(from, end);
  }

  @Override
  public long next(int state, long from, long end) {
    return states.live.next(state, from, end);
  }

  @Override
  public long nextOther(int state, long from, long end) {
    return states.live.nextOther(state, from, end);
  }

  @Override
  public boolean settled(long from, long end) {
    return states.settled(from, end);
  }

  @Override
  public boolean durable(long block) {
    return states.pending.get(block) == States.SETTLED && states.live.get(block) != NOT_HERE;
  }

  @Override
  public long here() {
    return geometry.blocks() - states.live.count(NOT_HERE);
  }

  @Override
  public long dirty() {
    return states.live.count(NEWER) + states.live.count(ZERO);
  }

  /** Blocks that are here, but not durably. */
  public long pending() {
    return geometry.blocks() - states.pending.count(States.SETTLED);
  }

  /** Bytes of the journal: what a crash would have to look through, and the next commits free. */
  public long journalLength() {
    return journal.sinceCheckpoint();
  }

  /** Bytes of memory outside the heap. */
  long taken() throws IOException {
    return states.taken();
  }

  @Override
  public boolean takesData() {
    if (!checkpoints.isStale()) {
      return true;
    }
    var unused = checkpoints.refresh();
    return false;
  }

  @Override
  public CompletableFuture<Void> intend(long offset, ByteBuf data) {
    long from = offset / geometry.blockSize();
    long end = (offset + data.readableBytes() - 1) / geometry.blockSize() + 1;
    if (settled(from, end)) {
      Throwable broken = journal.broken();
      return broken == null ? Answers.done() : CompletableFuture.failedFuture(broken);
    }
    return checkpoints.isStale()
        ? checkpoints.refresh().thenCompose(v -> intend(offset, data))
        : considered(transitions.intend(offset, data, from, end));
  }

  @Override
  public void written(long from, long end) {
    transitions.written(from, end);
  }

  @Override
  public CompletableFuture<Void> zeroed(long from, long end) {
    return considered(transitions.zeroed(from, end));
  }

  @Override
  public void hydrated(long from, long end) {
    transitions.hydrated(from, end);
  }

  @Override
  public void hydratedHole(long from, long end) {
    hydrated(from, end);
  }

  @Override
  public CompletableFuture<Void> differ(long from, long end) {
    return considered(transitions.differ(from, end));
  }

  @Override
  public void same(long from, long end) {
    transitions.same(from, end);
  }

  @Override
  public CompletableFuture<Void> forgotten(long from, long end) {
    return considered(transitions.forgotten(from, end));
  }

  @Override
  public void watch(@Nullable Watcher watcher) {
    synchronized (lock) {
      states.watch(watcher);
    }
  }

  @Override
  public CompletableFuture<Void> force() {
    return journal.change(() -> journal.unforced() ? journal.force() : Answers.done());
  }

  @Override
  public CompletableFuture<Void> commit(Supplier<CompletableFuture<Void>> flushStore) {
    return considered(commits.commit(flushStore));
  }

  private <T extends @Nullable Object> CompletableFuture<T> considered(CompletableFuture<T> done) {
    synchronized (lock) {
      checkpoints.consider();
    }
    return done;
  }

  @Override
  public CompletableFuture<Void> close() {
    return checkpoints
        .idle()
        .thenCompose(idle -> transitions.rest())
        .handle((rested, failure) -> null)
        .thenCompose(rested -> journal.close());
  }
}
