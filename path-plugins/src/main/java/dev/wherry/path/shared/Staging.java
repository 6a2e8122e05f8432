package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The batch that a source is being sent, durable before it is applied. Applied is all of it or,
 * until its commit is durable, nothing; what a crash interrupts is done again before anything else.
 *
 * <pre>
 *   0      head A   a {@link StagedHead}, written in turn, so that one is whole at any time:
 *   4096   head B   the one with the larger sequence counts
 *   8192   pieces   {@link StagedPieces}, one behind the other
 * </pre>
 *
 * <p>A commit forces the pieces, then a head that says so; then the pieces go to the store, the
 * store is flushed, and a head says that it is applied. Numbers only grow. Calls do not overlap.
 *
 * <p>A batch that is committed and cannot be read any more is lost: it may be in the store in part.
 * Its owner has not been told that it is applied, and so has all of it still, and sends it again
 * with the next one. The file is set aside, and the head of a new one says so: what the store has
 * is of no one time, until the next batch is applied.
 */
final class Staging {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  private final BatchLog log;
  private final LayeredStore store;
  private final StagedPieces staged;
  private volatile @Nullable StagedHead head;
  private long highest;
  private long open;
  private long at = StagedHead.PIECES;
  private long pieces;

  /** Why the batch that was begun last cannot be taken, where that is so. */
  private @Nullable Throwable lost;

  Staging(BatchLog log, LayeredStore store) {
    this.log = log;
    this.store = store;
    this.staged = new StagedPieces(log, store);
  }

  /** Ends what a crash interrupted; once, before anything else is asked. */
  private CompletableFuture<StagedHead> ready() {
    StagedHead known = head;
    CompletableFuture<StagedHead> read =
        known == null ? readHeads() : CompletableFuture.completedFuture(known);
    return read.thenCompose(
        h -> h.state() == StagedHead.COMMITTED ? redo(h) : CompletableFuture.completedFuture(h));
  }

  private CompletableFuture<StagedHead> readHeads() {
    return log.read(0, StagedHead.BYTES)
        .thenApply(StagedHead::take)
        .thenCompose(
            a ->
                log.read(StagedHead.SLOT, StagedHead.BYTES)
                    .thenApply(StagedHead::take)
                    .thenApply(b -> a.newer(b)))
        .thenApply(
            h -> {
              head = h;
              highest = h.number();
              return h;
            });
  }

  private CompletableFuture<StagedHead> put(StagedHead h) {
    return log.write(h.slot(), h.bytes())
        .thenCompose(v -> log.force())
        .thenApply(
            v -> {
              head = h;
              return h;
            });
  }

  // ------------------------------------------------------------------ being sent

  /** The batch that was committed last. */
  CompletableFuture<Long> committed() {
    return ready().thenApply(StagedHead::number);
  }

  /** Begins a batch, and forgets one that was not committed. */
  CompletableFuture<Long> begin() {
    // What could not be flushed here is behind at the owner: it comes with a batch.
    store.forgetLoss();
    return forget()
        .thenApply(
            v -> {
              open = ++highest;
              lost = null;
              at = StagedHead.PIECES;
              pieces = 0;
              return open;
            });
  }

  /**
   * Adds a piece.
   *
   * @param data lent until done; null for zeroes
   */
  CompletableFuture<Void> put(long number, long offset, long length, @Nullable ByteBuf data) {
    if (number != open) {
      Throwable why = lost;
      return why != null && number == highest
          ? CompletableFuture.failedFuture(why)
          : Answers.failed(NbdError.EIO, "batch " + number + " is not being sent");
    }
    ByteBuf all = StagedPieces.bytes(number, offset, length, data);
    long here = at;
    at += all.readableBytes();
    pieces++;
    return log.write(here, all)
        .handle(
            (v, failure) -> {
              if (failure == null) {
                return Answers.done();
              }
              open = 0;
              lost = Failures.causeOf(failure);
              // There may be no room: it takes none until it is tried again.
              return log.truncate(StagedHead.PIECES)
                  .handle((w, t) -> CompletableFuture.<Void>failedFuture(Failures.causeOf(failure)))
                  .thenCompose(f -> f);
            })
        .thenCompose(f -> f);
  }

  /** Makes a batch the store's content, durably. Of one that was committed: says so again. */
  CompletableFuture<Void> commit(long number, long epoch, long count) {
    return ready()
        .thenCompose(
            h -> {
              if (number == h.number() && h.state() == StagedHead.APPLIED) {
                return Answers.done();
              }
              if (number != open || count != pieces) {
                return Answers.failed(
                    NbdError.EIO,
                    "batch " + number + " has not all of its " + count + " pieces here");
              }
              open = 0;
              StagedHead done = h.next(StagedHead.COMMITTED, number, epoch, pieces, at);
              return log.force().thenCompose(v -> put(done)).thenCompose(this::apply);
            });
  }

  /** Ends what was committed and forgets what was not. */
  CompletableFuture<Void> finish() {
    open = 0;
    return forget();
  }

  /** Ends what was committed; what was not takes no room any more. */
  private CompletableFuture<Void> forget() {
    return ready().thenCompose(h -> log.truncate(StagedHead.PIECES));
  }

  /** Forgets all, durably. */
  CompletableFuture<Void> discard() {
    open = 0;
    head = null;
    return log.truncate(0).thenCompose(v -> log.force());
  }

  // ------------------------------------------------------------------ applying

  private CompletableFuture<StagedHead> redo(StagedHead h) {
    // What it was to flush when it failed is written again, and nothing else counts until then.
    store.forgetLoss();
    return staged
        .all(h, false)
        .handle(
            (v, failure) -> {
              if (failure == null) {
                return apply(h);
              }
              Throwable cause = Failures.causeOf(failure);
              return cause instanceof StagedPieces.Damaged
                  ? setAside(h, String.valueOf(cause.getMessage()))
                  : CompletableFuture.<Void>failedFuture(cause);
            })
        .thenCompose(v -> v)
        .thenApply(
            v -> {
              StagedHead now = head;
              return now == null ? h : now;
            });
  }

  private CompletableFuture<Void> setAside(StagedHead h, String why) {
    StagedHead lostHead = h.next(StagedHead.LOST, h.number(), h.epoch(), 0, StagedHead.PIECES);
    return log.setAside(lostHead.slot(), lostHead.bytes())
        .thenAccept(
            kept -> {
              head = lostHead;
              LOG.error(
                  "{}; it is kept as {}. It may be in the store in part, which is of no one time"
                      + " until the owner has sent all of it again",
                  why,
                  kept);
            });
  }

  /** Why what the store has is of no one time, or null where it is not known to be so. */
  @Nullable String damage() {
    StagedHead h = head;
    return h == null || h.state() != StagedHead.LOST
        ? null
        : "batch "
            + h.number()
            + " of the owner's changes was damaged and may be here in part: the owner sends it"
            + " again";
  }

  /** What the store has counts as it is: it is the owner's, whose map says what of it is valid. */
  CompletableFuture<Void> accept() {
    StagedHead known = head;
    CompletableFuture<StagedHead> read =
        known == null ? readHeads() : CompletableFuture.completedFuture(known);
    return read.thenCompose(
        h ->
            h.state() == StagedHead.LOST
                ? put(h.next(StagedHead.APPLIED, h.number(), h.epoch(), 0, StagedHead.PIECES))
                    .thenAccept(done -> {})
                : Answers.done());
  }

  private CompletableFuture<Void> apply(StagedHead h) {
    return staged
        .all(h, true)
        .thenCompose(v -> store.flush())
        .thenCompose(
            v -> put(h.next(StagedHead.APPLIED, h.number(), h.epoch(), 0, StagedHead.PIECES)))
        .thenCompose(v -> log.truncate(StagedHead.PIECES));
  }

  CompletableFuture<Void> close() {
    return log.close();
  }
}
