package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.align.RangeLock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Does hosts' changes of a volume whose source follows. A change holds its blocks exclusively from
 * its begin to its end, has what a batch still needs of them read first, and is then done here, and
 * in the source where that gets it at once. Safe on any thread; never blocks.
 */
final class Changes {
  private final LayeredStore store;
  private final Ledger ledger;
  private final RangeLock locks;
  private final InFlight working;
  private final Shipping shipping;
  private final SourceWait wait;
  private final ScheduledExecutorService timer;
  private final LongSupplier nanoClock;

  /**
   * @param working counts what uses the store
   */
  Changes(
      LayeredStore store,
      Ledger ledger,
      RangeLock locks,
      InFlight working,
      Shipping shipping,
      SourceWait wait,
      ScheduledExecutorService timer,
      LongSupplier nanoClock) {
    this.store = store;
    this.ledger = ledger;
    this.locks = locks;
    this.working = working;
    this.shipping = shipping;
    this.wait = wait;
    this.timer = timer;
    this.nanoClock = nanoClock;
  }

  /** Does it; its result tells. */
  void run(Change c) {
    if (c.first() == c.end()) {
      c.result().complete(null);
    } else {
      attempt(c);
    }
  }

  private void attempt(Change c) {
    working.enter();
    locks.lock(
        c.first(),
        c.end() - c.first(),
        true,
        hold -> {
          try {
            held(c, hold);
          } catch (RuntimeException e) {
            leave(hold);
            c.result().completeExceptionally(e);
          }
        });
  }

  private void leave(RangeLock.Hold hold) {
    hold.release();
    working.leave();
  }

  private void held(Change c, RangeLock.Hold hold) {
    Batch current = ledger.batch();
    CompletableFuture<Void> obstacle = ledger.obstacle();
    if (obstacle != null) {
      leave(hold);
      wait.from(c.deadline(), obstacle, () -> attempt(c), c.result());
      return;
    }
    if (current == null) {
      apply(c, hold);
      return;
    }
    List<CompletableFuture<Void>> reads = new ArrayList<>();
    Batch.Room room = current.keep(c.first(), c.end(), reads);
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

  private void awaitRoom(Batch current, Change c) {
    long left = c.deadline() - nanoClock.getAsLong();
    var limit =
        timer.schedule(
            () -> current.end(new NbdException(NbdError.ENOMEM, "a host waits too long for room")),
            Math.max(0, left),
            TimeUnit.NANOSECONDS);
    current.whenRoom(
        () -> {
          limit.cancel(false);
          attempt(c);
        });
  }

  /** Does it; the blocks are held, and what a batch needs of them was read. */
  private void apply(Change c, RangeLock.Hold hold) {
    if (!ledger.begins(c.first(), c.end())) {
      c.own()
          .whenComplete(
              (v, lost) -> {
                leave(hold);
                Failures.pass(null, lost, c.result());
              });
      return;
    }
    boolean atOnce = store.differs(c.first(), c.end());
    boolean whole = store.makesUp(c.first(), c.end());
    CompletableFuture<Void> own = c.own();
    // What the own store refused does not go to the source, and says nothing about it.
    CompletableFuture<Void> mirror =
        atOnce
            ? c.mirror(own, whole)
            : own.handle((v, lost) -> lost == null ? c.mirror(own, whole) : Answers.done())
                .thenCompose(f -> f);
    CompletableFuture.allOf(own.handle((v, t) -> null), mirror.handle((v, t) -> null))
        .thenRun(
            () -> {
              boolean good = !mirror.isCompletedExceptionally();
              ledger.ended(c.first(), c.end(), good && !own.isCompletedExceptionally());
              // What is in the source alone is put right there by the batch that comes next.
              (good ? own : mirror)
                  .exceptionally(
                      why -> {
                        shipping.lost(Failures.causeOf(why));
                        return null;
                      });
              leave(hold);
              own.whenComplete((v, lost) -> answer(c, lost));
            });
  }

  /** The own store has it, or not; under stall a host waits for the source as well. */
  private void answer(Change c, @Nullable Throwable lost) {
    CompletableFuture<Void> obstacle = lost == null ? ledger.obstacle() : null;
    if (obstacle == null) {
      Failures.pass(null, lost, c.result());
    } else {
      wait.from(c.deadline(), obstacle, () -> c.result().complete(null), c.result());
    }
  }
}
