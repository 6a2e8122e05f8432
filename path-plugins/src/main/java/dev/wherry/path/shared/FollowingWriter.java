package dev.wherry.path.shared;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.align.RangeLock;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

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
  private final InFlight working = new InFlight();
  private final Ledger ledger;
  private final AtOnce source;
  private final Shipping shipping;
  private final SourceWait wait;
  private final Changes changes;

  FollowingWriter(Setup with) {
    this.with = with;
    this.store = with.store;
    this.ledger = new Ledger(store, with.through, with.following, with.nanoClock);
    this.source = new AtOnce(store, with.sink, ledger::number);
    this.wait = new SourceWait(ledger, with.patience, with.timer, with.nanoClock);
    RangeLock locks = new RangeLock();
    this.shipping = new Shipping(with, ledger, locks, working);
    this.changes =
        new Changes(store, ledger, locks, working, shipping, wait, with.timer, with.nanoClock);
  }

  @Override
  public boolean isLocal() {
    return false;
  }

  // ------------------------------------------------------------------ hosts' changes

  private long deadline() {
    return with.nanoClock.getAsLong() + with.following.limit().toNanos();
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return change(
        new Change(store.blockSize(), offset, data.readableBytes(), flags, deadline()) {
          @Override
          CompletableFuture<Void> own() {
            return store.write(offset, data, 0);
          }

          @Override
          CompletableFuture<Void> mirror(CompletableFuture<Void> own, boolean whole) {
            return source.write(offset, data, own, whole);
          }
        });
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return change(
        new Change(store.blockSize(), offset, length, flags, deadline()) {
          @Override
          CompletableFuture<Void> own() {
            return store.zero(offset, length, flags & ~Export.FUA);
          }

          @Override
          CompletableFuture<Void> mirror(CompletableFuture<Void> own, boolean whole) {
            return source.zero(offset, length, own, whole);
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
        new Change(size, start, stop - start, flags, deadline()) {
          @Override
          CompletableFuture<Void> own() {
            return store.trim(start, stop - start, 0);
          }

          @Override
          CompletableFuture<Void> mirror(CompletableFuture<Void> own, boolean whole) {
            return source.zeroBlocks(start, stop - start);
          }
        });
  }

  private CompletableFuture<Void> change(Change c) {
    changes.run(c);
    return c.isFua() ? c.result().thenCompose(v -> flush()) : c.result();
  }

  // ------------------------------------------------------------------ flush

  @Override
  public CompletableFuture<Void> flush() {
    BlockSet given = ledger.beginFlush();
    return given == null ? flushOwn() : flushBoth(given);
  }

  private CompletableFuture<Void> flushOwn() {
    CompletableFuture<Void> obstacle = ledger.obstacle();
    return store
        .flush()
        .thenCompose(
            v -> {
              // Before the answer: what the host writes then is not in the batch.
              shipping.offer();
              return obstacle == null ? Answers.done() : wait.until(obstacle);
            });
  }

  private CompletableFuture<Void> flushBoth(BlockSet given) {
    CompletableFuture<Void> own = store.flush();
    CompletableFuture<Void> there = source.flush();
    CompletableFuture<Void> both =
        CompletableFuture.allOf(own.handle((v, t) -> null), there.handle((v, t) -> null));
    return both.thenCompose(
        v -> {
          there.exceptionally(
              why -> {
                shipping.lost(Failures.causeOf(why));
                return null;
              });
          boolean good = !own.isCompletedExceptionally() && !there.isCompletedExceptionally();
          if (ledger.endFlush(given, good)) {
            shipping.note(given);
          }
          CompletableFuture<Void> obstacle = ledger.obstacle();
          return obstacle == null || own.isCompletedExceptionally() ? own : wait.until(obstacle);
        });
  }

  // ------------------------------------------------------------------ its life

  @Override
  public void start() {
    shipping.tick();
    shipping.tickLater();
  }

  @Override
  public void retry() {
    ledger.retry();
    shipping.tick();
  }

  @Override
  public Lag lag() {
    return ledger.lag();
  }

  @Override
  public CompletableFuture<Void> stop() {
    CompletableFuture<Void> waiting = ledger.stop();
    Batch current = ledger.batch();
    if (current != null) {
      current.end(new NbdException(NbdError.ESHUTDOWN, "the owner stops"));
    }
    waiting.complete(null);
    return working.drained();
  }
}
