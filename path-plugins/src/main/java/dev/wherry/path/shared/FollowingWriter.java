package dev.wherry.path.shared;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.align.RangeLock;
import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The policies {@link WritePolicy#THROUGH} and {@link WritePolicy#BACK}: the source follows.
 *
 * <pre>
 *              all is in the source (a batch that was made while hosts were held)
 *           ┌──────────────────────────────────────────────┐
 *           │                                              ▼
 *   BACK, DEGRADED                                      THROUGH
 *   own store now, the source in batches                own store and source at once
 *           ▲                                              │
 *           └──────────────────────────────────────────────┘
 *              the source fails, or is away for too long
 * </pre>
 *
 * Under {@code back} it stays on the left. Under {@code through} it begins there, too: what differs
 * goes first.
 *
 * <h2>Order</h2>
 *
 * Every change holds its blocks exclusively until it has ended. A batch is made while all blocks
 * are held, asked for before the flush that it is the image of is answered: so it has what that
 * flush covers, and nothing that was asked for later. Later writes go to the next batch.
 *
 * <p>What the map says is true whatever dies: a change goes to the source only once the map says
 * that the block may differ, which the own store's write does first; unless it says so already. And
 * what is not here is never newer in the source than hosts were told: the own store is written
 * first there, too. A block is {@link BlockMap#SAME} again when the source has it durably and it
 * was not written since.
 *
 * <p>Safe on any thread; never blocks.
 */
final class FollowingWriter implements Writer {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  /** What may be left to send when hosts are held for the step to THROUGH, in bytes. */
  private static final long FINAL = 4 << 20;

  /** Blocks that are held at once to take note that they are the same. */
  private static final long NOTED_AT_ONCE = 1 << 15;

  /**
   * What it works with.
   *
   * @param through whether it is the policy {@code through}
   * @param largest bytes of a piece of a batch at most, up to 1 MiB
   * @param patience how long a host waits under {@code stall}
   * @param flush a host's flush, which comes back to {@link #flush()}
   */
  record Setup(
      String suid,
      LayeredStore store,
      Sink sink,
      boolean through,
      Following following,
      int largest,
      Duration patience,
      ScheduledExecutorService timer,
      LongSupplier nanoClock,
      Supplier<CompletableFuture<Void>> flush) {}

  private final Setup with;
  private final LayeredStore store;
  private final Sink sink;
  private final RangeLock locks = new RangeLock();
  private final InFlight working = new InFlight();

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
  private boolean ticking;
  private long notBefore;
  private long number;
  private @Nullable String failure;
  private CompletableFuture<Void> caughtUp = new CompletableFuture<>();

  FollowingWriter(Setup with) {
    this.with = with;
    this.store = with.store;
    this.sink = with.sink;
    this.notBefore = with.nanoClock.getAsLong();
    store.dirty().forEach(r -> behind(r.from(), r.end()));
  }

  @Override
  public boolean isLocal() {
    return false;
  }

  // ------------------------------------------------------------------ hosts' changes

  /** One change. */
  private abstract class Change {
    final long first;
    final long end;
    final boolean fua;
    final CompletableFuture<Void> result = new CompletableFuture<>();
    final long deadline = with.nanoClock.getAsLong() + with.following.limit().toNanos();

    Change(long offset, long length, int flags) {
      this.first = offset / store.blockSize();
      this.end = length == 0 ? first : (offset + length - 1) / store.blockSize() + 1;
      this.fua = (flags & Export.FUA) != 0;
    }

    abstract CompletableFuture<Void> own();

    /**
     * To the source.
     *
     * @param own ends with the own store's write
     */
    abstract CompletableFuture<Void> mirror(CompletableFuture<Void> own);
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return change(
        new Change(offset, data.readableBytes(), flags) {
          @Override
          CompletableFuture<Void> own() {
            return store.write(offset, data, 0);
          }

          @Override
          CompletableFuture<Void> mirror(CompletableFuture<Void> own) {
            return sendWrite(offset, data, own);
          }
        });
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return change(
        new Change(offset, length, flags) {
          @Override
          CompletableFuture<Void> own() {
            return store.zero(offset, length, flags & ~Export.FUA);
          }

          @Override
          CompletableFuture<Void> mirror(CompletableFuture<Void> own) {
            return sendZero(offset, length, own);
          }
        });
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    int size = store.blockSize();
    long start = (offset + size - 1) / size * size;
    long stop = offset + length == store.size() ? store.size() : (offset + length) / size * size;
    if (stop <= start) {
      return (flags & Export.FUA) == 0 ? Answers.done() : flush();
    }
    return change(
        new Change(start, stop - start, flags) {
          @Override
          CompletableFuture<Void> own() {
            return store.trim(start, stop - start, 0);
          }

          @Override
          CompletableFuture<Void> mirror(CompletableFuture<Void> own) {
            return sink.zero(number(), start, stop - start);
          }
        });
  }

  private synchronized long number() {
    return number;
  }

  private CompletableFuture<Void> change(Change c) {
    if (c.first == c.end) {
      c.result.complete(null);
    } else {
      attempt(c);
    }
    return c.fua ? c.result.thenCompose(v -> flush()) : c.result;
  }

  private void attempt(Change c) {
    working.enter();
    locks.lock(
        c.first,
        c.end - c.first,
        true,
        hold -> {
          try {
            held(c, hold);
          } catch (RuntimeException e) {
            leave(hold);
            c.result.completeExceptionally(e);
          }
        });
  }

  private void leave(RangeLock.Hold hold) {
    hold.release();
    working.leave();
  }

  private void held(Change c, RangeLock.Hold hold) {
    Batch current;
    CompletableFuture<Void> wait;
    synchronized (this) {
      current = batch;
      wait = mustWait() ? caughtUp : null;
    }
    if (wait != null) {
      leave(hold);
      awaitSource(wait, c.deadline + with.patience.toNanos(), () -> attempt(c), c.result);
      return;
    }
    if (current == null) {
      apply(c, hold);
      return;
    }
    List<CompletableFuture<Void>> reads = new ArrayList<>();
    Batch.Room room = current.keep(c.first, c.end, reads);
    if (room == Batch.Room.TOO_MUCH) {
      current.end(new NbdException(NbdError.ENOMEM, "a host overwrites too much of the batch"));
    } else if (room == Batch.Room.FULL) {
      leave(hold);
      awaitRoom(current, c);
      return;
    }
    if (reads.isEmpty()) {
      apply(c, hold);
      return;
    }
    Answers.join(reads)
        .whenComplete(
            (v, lost) -> {
              if (lost != null) {
                current.end(Failures.causeOf(lost));
              }
              apply(c, hold);
            });
  }

  /** With the lock: whether hosts wait for the source to be there again. */
  private boolean mustWait() {
    return with.through && with.following.stall() && !mirroring && !stopped && failure != null;
  }

  private void awaitRoom(Batch current, Change c) {
    long left = c.deadline - with.nanoClock.getAsLong();
    var timer =
        with.timer.schedule(
            () -> current.end(new NbdException(NbdError.ENOMEM, "a host waits too long for room")),
            Math.max(0, left),
            TimeUnit.NANOSECONDS);
    current.whenRoom(
        () -> {
          timer.cancel(false);
          attempt(c);
        });
  }

  /** One of the two happens: what comes next, or the failure once the time is over. */
  private void awaitSource(
      CompletableFuture<Void> there, long deadline, Runnable next, CompletableFuture<Void> result) {
    AtomicBoolean decided = new AtomicBoolean();
    var timer =
        with.timer.schedule(
            () -> {
              if (!decided.getAndSet(true)) {
                result.completeExceptionally(
                    new NbdException(NbdError.EIO, "the source is away: " + failure()));
              }
            },
            Math.max(0, deadline - with.nanoClock.getAsLong()),
            TimeUnit.NANOSECONDS);
    there.whenComplete(
        (v, t) -> {
          timer.cancel(false);
          if (!decided.getAndSet(true)) {
            next.run();
          }
        });
  }

  private synchronized @Nullable String failure() {
    return failure;
  }

  /** Does it; the blocks are held, and what a batch needs of them was read. */
  private void apply(Change c, RangeLock.Hold hold) {
    boolean both;
    synchronized (this) {
      both = mirroring;
      if (!both) {
        behind(c.first, c.end);
      }
    }
    if (!both) {
      c.own()
          .whenComplete(
              (v, lost) -> {
                leave(hold);
                Failures.pass(null, lost, c.result);
              });
      return;
    }
    boolean atOnce = store.differs(c.first, c.end);
    CompletableFuture<Void> own = c.own();
    // What the own store refused does not go to the source, and says nothing about it.
    CompletableFuture<Void> mirror =
        atOnce
            ? c.mirror(own)
            : own.handle((v, lost) -> lost == null ? c.mirror(own) : Answers.done())
                .thenCompose(f -> f);
    CompletableFuture.allOf(own.handle((v, t) -> null), mirror.handle((v, t) -> null))
        .thenRun(
            () -> {
              boolean good = !mirror.isCompletedExceptionally();
              synchronized (this) {
                if (good && mirroring && !own.isCompletedExceptionally()) {
                  mirrored.add(c.first, c.end);
                } else {
                  behind(c.first, c.end);
                }
              }
              if (!good) {
                mirror.exceptionally(
                    why -> {
                      degrade(Failures.causeOf(why));
                      return null;
                    });
              }
              leave(hold);
              own.whenComplete((v, lost) -> answer(c, lost));
            });
  }

  /** The own store has it, or not; under stall a host waits for the source as well. */
  private void answer(Change c, @Nullable Throwable lost) {
    CompletableFuture<Void> wait;
    synchronized (this) {
      wait = lost == null && mustWait() ? caughtUp : null;
    }
    if (wait == null) {
      Failures.pass(null, lost, c.result);
    } else {
      awaitSource(
          wait, c.deadline + with.patience.toNanos(), () -> c.result.complete(null), c.result);
    }
  }

  // ------------------------------------------------------------------ to the source at once

  private CompletableFuture<Void> sendWrite(
      long offset, ByteBuf data, CompletableFuture<Void> own) {
    int most = 1 << 20;
    int length = data.readableBytes();
    List<CompletableFuture<Void>> parts = new ArrayList<>();
    for (int at = 0; at < length; at += most) {
      int part = Math.min(most, length - at);
      parts.add(sendPart(offset + at, data.slice(data.readerIndex() + at, part), own));
    }
    return parts.size() == 1 ? parts.get(0) : Answers.join(parts);
  }

  private CompletableFuture<Void> sendPart(long offset, ByteBuf data, CompletableFuture<Void> own) {
    int length = data.readableBytes();
    return sink.write(number(), offset, data)
        .handle(
            (v, lost) -> {
              if (lost == null) {
                return Answers.done();
              }
              return Failures.causeOf(lost) instanceof Sink.WholeBlocks
                  ? own.thenCompose(w -> sendBlocks(offset, length))
                  : CompletableFuture.<Void>failedFuture(Failures.causeOf(lost));
            })
        .thenCompose(f -> f);
  }

  /** The source has not got all of the blocks: it gets them whole, once the own store has them. */
  private CompletableFuture<Void> sendBlocks(long offset, int length) {
    int size = store.blockSize();
    long start = offset / size * size;
    long stop = Math.min(store.size(), (offset + length + size - 1) / size * size);
    return store
        .read(start, (int) (stop - start))
        .thenCompose(
            all -> sink.write(number(), start, all).whenComplete((v, lost) -> all.release()));
  }

  private CompletableFuture<Void> sendZero(long offset, long length, CompletableFuture<Void> own) {
    int size = store.blockSize();
    long stop = offset + length;
    long first = Math.min(stop, (offset + size - 1) / size * size);
    long end = stop == store.size() ? stop : Math.max(first, stop / size * size);
    List<CompletableFuture<Void>> parts = new ArrayList<>();
    sendZeroes(offset, first, own, parts);
    if (first < end) {
      parts.add(sink.zero(number(), first, end - first));
    }
    sendZeroes(end, stop, own, parts);
    return Answers.join(parts);
  }

  private void sendZeroes(
      long from, long to, CompletableFuture<Void> own, List<CompletableFuture<Void>> parts) {
    if (from < to) {
      ByteBuf zeroes = Buffers.zeroes((int) (to - from));
      parts.add(sendPart(from, zeroes, own).whenComplete((v, lost) -> zeroes.release()));
    }
  }

  /** The source does not follow any more: what it may not have durably is behind. */
  private void degrade(Throwable why) {
    synchronized (this) {
      if (!mirroring) {
        return;
      }
      mirroring = false;
      failure = String.valueOf(why.getMessage());
      if (caughtUp.isDone()) {
        caughtUp = new CompletableFuture<>();
      }
      notBefore = with.nanoClock.getAsLong() + with.following.period().toNanos();
      behind(mirrored);
      flushing.forEach(this::behind);
      mirrored = new BlockSet();
    }
    LOG.warn(
        "volume {}: the source does not follow any more, {}: {}",
        with.suid,
        with.following.stall() ? "hosts wait for it" : "writes go on without it",
        why.getMessage());
    tickLater();
  }

  /** With the lock (or before anyone else knows of this). */
  private void behind(long first, long end) {
    if (!anyPending) {
      anyPending = true;
      pendingSince = with.nanoClock.getAsLong();
    }
    pending.add(first, end);
  }

  private void behind(BlockSet set) {
    set.runs(store.blocks()).forEach(r -> behind(r.from(), r.end()));
  }

  // ------------------------------------------------------------------ flush

  @Override
  public CompletableFuture<Void> flush() {
    BlockSet given = null;
    synchronized (this) {
      if (mirroring && !stopped) {
        given = mirrored;
        mirrored = new BlockSet();
        flushing.add(given);
      }
    }
    return given == null ? flushOwn() : flushBoth(given);
  }

  private CompletableFuture<Void> flushOwn() {
    CompletableFuture<Void> wait;
    synchronized (this) {
      wait = mustWait() ? caughtUp : null;
    }
    return store
        .flush()
        .thenCompose(
            v -> {
              // Before the answer: what the host writes then is not in the batch.
              offer();
              if (wait == null) {
                return Answers.done();
              }
              CompletableFuture<Void> result = new CompletableFuture<>();
              long limit = with.nanoClock.getAsLong() + with.patience.toNanos();
              awaitSource(wait, limit, () -> result.complete(null), result);
              return result;
            });
  }

  private CompletableFuture<Void> flushBoth(BlockSet given) {
    CompletableFuture<Void> own = store.flush();
    CompletableFuture<Void> there = sink.flush(number());
    CompletableFuture<Void> both =
        CompletableFuture.allOf(own.handle((v, t) -> null), there.handle((v, t) -> null));
    return both.thenCompose(
        v -> {
          boolean good = !own.isCompletedExceptionally() && !there.isCompletedExceptionally();
          CompletableFuture<Void> wait;
          if (there.isCompletedExceptionally()) {
            there.exceptionally(
                why -> {
                  degrade(Failures.causeOf(why));
                  return null;
                });
          }
          synchronized (this) {
            flushing.remove(given);
            good &= mirroring;
            if (!good && mirroring) {
              given.runs(store.blocks()).forEach(r -> mirrored.add(r.from(), r.end()));
            }
            wait = mustWait() ? caughtUp : null;
          }
          if (good) {
            note(given);
          }
          if (wait == null || own.isCompletedExceptionally()) {
            return own;
          }
          CompletableFuture<Void> result = new CompletableFuture<>();
          long limit = with.nanoClock.getAsLong() + with.patience.toNanos();
          awaitSource(wait, limit, () -> result.complete(null), result);
          return result;
        });
  }

  /** The source has these blocks durably: those that were not written since are the same. */
  private void note(BlockSet given) {
    for (Run run : given.runs(store.blocks())) {
      for (long from = run.from(); from < run.end(); from += NOTED_AT_ONCE) {
        long first = from;
        long end = Math.min(run.end(), from + NOTED_AT_ONCE);
        working.enter();
        locks.lock(
            first,
            end - first,
            true,
            hold -> {
              noteHeld(first, end);
              leave(hold);
            });
      }
    }
  }

  private synchronized void noteHeld(long first, long end) {
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

  /** All that hosts were answered so far is flushed: a batch may be made. */
  private void offer() {
    synchronized (this) {
      if (stopped
          || mirroring
          || cutting
          || batch != null
          || (!anyPending && !with.through)
          || with.nanoClock.getAsLong() - notBefore < 0) {
        return;
      }
      cutting = true;
    }
    working.enter();
    locks.lock(0, store.blocks(), true, this::cut);
  }

  private void cut(RangeLock.Hold hold) {
    Batch made;
    BlockMap map = store.map();
    synchronized (this) {
      cutting = false;
      if (stopped || map == null) {
        made = null;
      } else {
        made =
            new Batch(
                store,
                map,
                pending,
                with.following.memory(),
                with.largest,
                anyPending ? pendingSince : with.nanoClock.getAsLong());
        pending = new BlockSet();
        anyPending = false;
        batch = made;
      }
    }
    if (made == null) {
      leave(hold);
      return;
    }
    boolean last = with.through && bytes(made.blocks()) <= FINAL;
    if (last) {
      shipLast(made, hold);
    } else {
      leave(hold);
      ship(made, locks).whenComplete((n, lost) -> ended(made, lost));
    }
  }

  private CompletableFuture<Long> ship(Batch made, @Nullable RangeLock under) {
    CompletableFuture<Long> shipped = new Shipment(made, sink, under, working).run();
    shipped.whenComplete((n, lost) -> made.end(lost == null ? null : Failures.causeOf(lost)));
    // Given up by a host or by stop, it has ended, whatever is under way still.
    return made.end().thenCompose(v -> shipped);
  }

  /** Ships a small batch while all blocks are held; after it nothing is behind. */
  private void shipLast(Batch made, RangeLock.Hold hold) {
    var timer =
        with.timer.schedule(
            () -> made.end(new NbdException(NbdError.EIO, "the source is too slow")),
            with.following.limit().toNanos(),
            TimeUnit.NANOSECONDS);
    ship(made, null)
        .whenComplete(
            (n, lost) -> {
              timer.cancel(false);
              CompletableFuture<Void> reached = null;
              synchronized (this) {
                if (n != null && !stopped) {
                  mirroring = true;
                  number = n;
                  failure = null;
                  mirrored = new BlockSet();
                  reached = caughtUp;
                }
              }
              ended(made, lost);
              leave(hold);
              if (reached != null) {
                LOG.info("volume {}: the source has all, and gets writes at once", with.suid);
                reached.complete(null);
              }
            });
  }

  private void ended(Batch made, @Nullable Throwable lost) {
    boolean quiet;
    synchronized (this) {
      quiet = stopped;
      batch = null;
      if (lost != null) {
        boolean later = anyPending;
        behind(made.blocks());
        pendingSince = later ? Math.min(pendingSince, made.since()) : made.since();
        failure = String.valueOf(Failures.causeOf(lost).getMessage());
        notBefore = with.nanoClock.getAsLong() + with.following.period().toNanos();
      } else if (!with.through) {
        failure = null;
      }
    }
    if (lost == null) {
      note(made.blocks());
    } else if (!quiet) {
      LOG.warn(
          "volume {}: a batch did not reach the source: {}",
          with.suid,
          Failures.causeOf(lost).getMessage());
    }
    tickLater();
  }

  private long bytes(BlockSet set) {
    return Run.total(set.runs(store.blocks())) * store.blockSize();
  }

  // ------------------------------------------------------------------ in the background

  @Override
  public void start() {
    tick();
    tickLater();
  }

  @Override
  public void retry() {
    synchronized (this) {
      notBefore = with.nanoClock.getAsLong();
    }
    tick();
  }

  private void tickLater() {
    synchronized (this) {
      if (stopped || ticking) {
        return;
      }
      ticking = true;
    }
    with.timer.schedule(
        () -> {
          synchronized (this) {
            ticking = false;
          }
          tick();
          tickLater();
        },
        with.following.period().toNanos(),
        TimeUnit.NANOSECONDS);
  }

  /** Where hosts do not flush, this does, so that there is something to make a batch of. */
  private void tick() {
    synchronized (this) {
      long now = with.nanoClock.getAsLong();
      if (stopped
          || mirroring
          || cutting
          || batch != null
          || (!anyPending && !with.through)
          || now - notBefore < 0) {
        return;
      }
    }
    with.flush
        .get()
        .whenComplete(
            (v, lost) -> {
              if (lost != null) {
                LOG.debug("volume {}: no batch is made: {}", with.suid, lost.getMessage());
              }
            });
  }

  @Override
  public synchronized Lag lag() {
    Batch current = batch;
    BlockSet all = new BlockSet();
    pending.runs(store.blocks()).forEach(r -> all.add(r.from(), r.end()));
    if (current != null) {
      current.blocks().runs(store.blocks()).forEach(r -> all.add(r.from(), r.end()));
    }
    long age = 0;
    if (current != null || anyPending) {
      long since = current == null ? pendingSince : current.since();
      age = Math.max(0, with.nanoClock.getAsLong() - since);
    }
    Lag.Mode mode = mirroring ? Lag.Mode.THROUGH : with.through ? Lag.Mode.DEGRADED : Lag.Mode.BACK;
    return new Lag(mode, bytes(all), age, failure);
  }

  @Override
  public CompletableFuture<Void> stop() {
    Batch current;
    CompletableFuture<Void> waiting;
    synchronized (this) {
      stopped = true;
      current = batch;
      waiting = caughtUp;
    }
    if (current != null) {
      current.end(new NbdException(NbdError.ESHUTDOWN, "the owner stops"));
    }
    waiting.complete(null);
    return working.drained();
  }
}
