package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.align.RangeLock;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes batches of what is behind and sends them, one after the other; under {@link
 * WritePolicy#THROUGH} until nothing is behind any more. Safe on any thread; never blocks.
 */
final class Shipping {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  /** What may be left to send when hosts are held for the step to THROUGH, in bytes. */
  private static final long FINAL = 4 << 20;

  /** Blocks that are held at once to take note that they are the same. */
  private static final long NOTED_AT_ONCE = 1 << 15;

  private final FollowingWriter.Setup with;
  private final Ledger ledger;
  private final RangeLock locks;
  private final InFlight working;
  private final AtomicBoolean ticking = new AtomicBoolean();

  /**
   * @param locks held by whoever changes blocks
   * @param working counts what uses the store
   */
  Shipping(FollowingWriter.Setup with, Ledger ledger, RangeLock locks, InFlight working) {
    this.with = with;
    this.ledger = ledger;
    this.locks = locks;
    this.working = working;
  }

  // ------------------------------------------------------------------ when

  /** Where hosts do not flush, this does, so that there is something to make a batch of. */
  void tick() {
    if (!ledger.isDue()) {
      return;
    }
    with.flush()
        .get()
        .whenComplete(
            (v, lost) -> {
              if (lost != null) {
                LOG.debug("volume {}: no batch is made: {}", with.suid(), lost.getMessage());
              }
            });
  }

  /** Has it tick from time to time. */
  void tickLater() {
    if (ledger.isStopped() || ticking.getAndSet(true)) {
      return;
    }
    with.timer()
        .schedule(
            () -> {
              ticking.set(false);
              tick();
              tickLater();
            },
            with.following().period().toNanos(),
            TimeUnit.NANOSECONDS);
  }

  /** The source does not follow any more. */
  void lost(Throwable why) {
    if (ledger.degrade(why)) {
      LOG.warn(
          "volume {}: the source does not follow any more, {}: {}",
          with.suid(),
          with.following().stall() ? "hosts wait for it" : "writes go on without it",
          why.getMessage());
      tickLater();
    }
  }

  // ------------------------------------------------------------------ batches

  /** All that hosts were answered so far is flushed: a batch may be made. */
  void offer() {
    if (ledger.beginCut()) {
      working.enter();
      locks.lock(0, with.store().blocks(), true, this::cut);
    }
  }

  private void leave(RangeLock.Hold hold) {
    hold.release();
    working.leave();
  }

  private void cut(RangeLock.Hold hold) {
    Batch made = ledger.cut(with.following().memory(), with.largest());
    if (made == null) {
      leave(hold);
      return;
    }
    boolean last = with.through() && ledger.bytes(made.blocks()) <= FINAL;
    if (last) {
      shipLast(made, hold);
    } else {
      leave(hold);
      ship(made, locks).whenComplete((n, lost) -> ended(made, lost));
    }
  }

  private CompletableFuture<Long> ship(Batch made, @Nullable RangeLock under) {
    CompletableFuture<Long> shipped = new Shipment(made, with.sink(), under, working).run();
    shipped.whenComplete((n, lost) -> made.end(lost == null ? null : Failures.causeOf(lost)));
    // Given up by a host or by stop, it has ended, whatever is under way still.
    return made.end().thenCompose(v -> shipped);
  }

  /** Ships a small batch while all blocks are held; after it nothing is behind. */
  private void shipLast(Batch made, RangeLock.Hold hold) {
    var timer =
        with.timer()
            .schedule(
                () -> made.end(new NbdException(NbdError.EIO, "the source is too slow")),
                with.following().limit().toNanos(),
                TimeUnit.NANOSECONDS);
    ship(made, null)
        .whenComplete(
            (n, lost) -> {
              timer.cancel(false);
              CompletableFuture<Void> reached = n == null ? null : ledger.reached(n);
              ended(made, lost);
              leave(hold);
              if (reached != null) {
                LOG.info("volume {}: the source has all, and gets writes at once", with.suid());
                reached.complete(null);
              }
            });
  }

  private void ended(Batch made, @Nullable Throwable lost) {
    boolean told = ledger.ended(made, lost);
    if (lost == null) {
      note(made.blocks());
    } else if (told) {
      LOG.warn(
          "volume {}: a batch did not reach the source: {}",
          with.suid(),
          Failures.causeOf(lost).getMessage());
    }
    tickLater();
  }

  // ------------------------------------------------------------------ afterwards

  /** The source has these blocks durably: those that were not written since are the same. */
  void note(BlockSet given) {
    for (Run run : given.runs(with.store().blocks())) {
      for (long from = run.from(); from < run.end(); from += NOTED_AT_ONCE) {
        long first = from;
        long end = Math.min(run.end(), from + NOTED_AT_ONCE);
        working.enter();
        locks.lock(
            first,
            end - first,
            true,
            hold -> {
              ledger.note(first, end);
              leave(hold);
            });
      }
    }
  }
}
