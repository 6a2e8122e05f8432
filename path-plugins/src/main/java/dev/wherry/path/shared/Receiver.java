package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import dev.wherry.path.align.RangeLock;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A former owner's store as the one that follows the owner's: what {@link NodeSink} asks of. Writes
 * that the owner sends at once overlap with none and with no batch; batches follow each other. Who
 * may ask is the caller's business.
 */
final class Receiver {
  private static final long ALL = Long.MAX_VALUE / 2;

  private final long life = ThreadLocalRandom.current().nextLong(1, Long.MAX_VALUE);
  private final LayeredStore store;
  private final @Nullable Staging staging;
  private final RangeLock locks = new RangeLock();

  /** What the owner of the latest epoch asks for. */
  private InFlight inside = new InFlight();

  /** The end of what those before it asked for. */
  private CompletableFuture<Void> earlier = Answers.done();

  private long latest;
  private CompletableFuture<?> tail = CompletableFuture.completedFuture(null);
  private long number;
  private boolean sealed;

  /**
   * @param log where batches are kept, or null: it takes none
   */
  Receiver(LayeredStore store, @Nullable BatchLog log) {
    this.store = store;
    this.staging = log == null ? null : new Staging(log, store);
  }

  /** Takes requests (again): this node is a former owner. */
  synchronized void open() {
    sealed = false;
  }

  /**
   * Takes no requests any more: this node becomes the owner. Done when the store is as the last
   * batch that was committed, or write, left it; or {@link #damage} tells of one that cannot be
   * applied.
   */
  CompletableFuture<Void> seal() {
    synchronized (this) {
      sealed = true;
    }
    return drained().thenCompose(v -> recover());
  }

  /** As {@link #seal}, and forgets what it was sent: the store is another one, or not needed. */
  CompletableFuture<Void> discard() {
    Staging s = staging;
    synchronized (this) {
      sealed = true;
    }
    return drained().thenCompose(v -> s == null ? Answers.done() : next(s::discard));
  }

  private synchronized CompletableFuture<Void> drained() {
    return Answers.join(List.of(earlier, inside.drained()));
  }

  /**
   * Done when nothing is under way here any more that was begun for an owner of an earlier epoch
   * than this one. Of those no request may come any more.
   */
  synchronized CompletableFuture<Void> settled(long epoch) {
    turnTo(epoch);
    return earlier;
  }

  private synchronized void turnTo(long epoch) {
    if (epoch > latest) {
      latest = epoch;
      CompletableFuture<Void> last = tail.handle((v, failure) -> null);
      earlier = Answers.join(List.of(earlier, inside.drained(), last));
      inside = new InFlight();
    }
  }

  /** Ends what a crash interrupted, and forgets what was not committed. */
  CompletableFuture<Void> recover() {
    Staging s = staging;
    return s == null ? Answers.done() : next(() -> s.finish());
  }

  /** See {@link Staging#damage}. */
  @Nullable String damage() {
    Staging s = staging;
    return s == null ? null : s.damage();
  }

  /** See {@link Staging#accept}. */
  CompletableFuture<Void> accept() {
    Staging s = staging;
    return s == null ? Answers.done() : next(s::accept);
  }

  CompletableFuture<Void> close() {
    Staging s = staging;
    synchronized (this) {
      sealed = true;
    }
    return drained().thenCompose(v -> s == null ? Answers.done() : next(s::close));
  }

  /** One after the other. */
  private synchronized <T> CompletableFuture<T> next(Supplier<CompletableFuture<T>> step) {
    CompletableFuture<T> done = tail.handle((v, failure) -> null).thenCompose(v -> step.get());
    tail = done;
    return done;
  }

  /**
   * Answers a request of the owner.
   *
   * @return null if it is not taken now
   */
  @Nullable CompletableFuture<LinkReply> serve(LinkRequest r, long epoch) {
    InFlight mine;
    synchronized (this) {
      if (sealed) {
        return null;
      }
      turnTo(epoch);
      mine = inside;
      mine.enter();
    }
    CompletableFuture<LinkReply> reply;
    try {
      reply = route(r, epoch);
    } catch (RuntimeException e) {
      reply = CompletableFuture.failedFuture(e);
    }
    return reply.whenComplete((v, failure) -> mine.leave());
  }

  private CompletableFuture<LinkReply> route(LinkRequest r, long epoch) {
    ByteBuf payload = r.payload();
    if (payload.readableBytes() < 8) {
      throw new IllegalArgumentException(r.op() + " names no batch");
    }
    long batch = payload.readLong();
    return switch (r.op()) {
      case STORE_WRITE -> write(batch, r, epoch);
      case STORE_ZERO -> now(batch, r, epoch, () -> store.zero(r.offset(), r.length(), 0));
      case STORE_FLUSH -> now(batch, r, epoch, store::flush);
      case BATCH_DATA -> (r.flags() & NodeSink.BEGIN) != 0 ? begin(epoch) : data(batch, r, epoch);
      default -> commit(batch, payload.readableBytes() < 8 ? -1 : payload.readLong(), epoch);
    };
  }

  private LinkReply ok(long epoch) {
    return LinkReply.ok(epoch, Payloads.buffer(8).writeLong(life));
  }

  // ------------------------------------------------------------------ at once

  private CompletableFuture<LinkReply> write(long batch, LinkRequest r, long epoch) {
    if (r.payload().readableBytes() != r.length()) {
      throw new IllegalArgumentException(
          r.payload().readableBytes() + " bytes for a write of " + r.length());
    }
    if (isPartial(r.offset()) || isPartial(r.offset() + r.length())) {
      return CompletableFuture.completedFuture(
          LinkReply.not(Status.IMPOSSIBLE, epoch, "whole blocks are needed"));
    }
    ByteBuf data = r.payload().retainedSlice();
    return now(batch, r, epoch, () -> store.write(r.offset(), data, 0))
        .whenComplete((v, failure) -> data.release());
  }

  /** Whether a border lies within a block that is not here. */
  private boolean isPartial(long border) {
    BlockMap map = store.map();
    return map != null
        && border % store.blockSize() != 0
        && border != store.size()
        && map.state(border / store.blockSize()) == BlockMap.NOT_HERE;
  }

  private CompletableFuture<LinkReply> now(
      long batch, LinkRequest r, long epoch, Supplier<CompletableFuture<Void>> request) {
    if (r.length() == 0) {
      // A flush: what it is to cover was answered before it was sent.
      return current(batch, request).thenApply(v -> ok(epoch));
    }
    CompletableFuture<LinkReply> result = new CompletableFuture<>();
    long first = r.offset() / store.blockSize();
    long end = (r.offset() + r.length() - 1) / store.blockSize() + 1;
    locks.lock(
        first,
        end - first,
        true,
        hold ->
            current(batch, request)
                .whenComplete(
                    (v, failure) -> {
                      hold.release();
                      Failures.pass(failure == null ? ok(epoch) : null, failure, result);
                    }));
    return result;
  }

  private CompletableFuture<Void> current(long batch, Supplier<CompletableFuture<Void>> request) {
    synchronized (this) {
      if (batch != number || batch == 0) {
        return Answers.failed(
            NbdError.EIO, "batch " + batch + " is not the last one here, that is " + number);
      }
    }
    try {
      return request.get();
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  // ------------------------------------------------------------------ in batches

  private Staging staging() {
    Staging s = staging;
    if (s == null) {
      throw new ShareException(Status.REFUSED, "this node keeps no batches");
    }
    return s;
  }

  private CompletableFuture<LinkReply> begin(long epoch) {
    return next(() -> staging().begin())
        .thenApply(n -> LinkReply.ok(epoch, Payloads.buffer(16).writeLong(life).writeLong(n)));
  }

  private CompletableFuture<LinkReply> data(long batch, LinkRequest r, long epoch) {
    boolean zeroes = (r.flags() & NodeSink.ZEROES) != 0;
    if (r.length() == 0 || (!zeroes && r.payload().readableBytes() != r.length())) {
      throw new IllegalArgumentException(
          r.payload().readableBytes() + " bytes for a piece of " + r.length());
    }
    ByteBuf data = zeroes ? null : r.payload().retainedSlice();
    return next(() -> staging().put(batch, r.offset(), r.length(), data))
        .handle(
            (v, failure) -> {
              if (data != null) {
                data.release();
              }
              if (failure != null) {
                throw Failures.of(failure);
              }
              return ok(epoch);
            });
  }

  /** Nothing is written at once while a batch is applied, and nothing late after it. */
  private CompletableFuture<LinkReply> commit(long batch, long pieces, long epoch) {
    return next(
        () -> {
          CompletableFuture<LinkReply> result = new CompletableFuture<>();
          locks.lock(
              0,
              ALL,
              true,
              hold ->
                  committed(batch, pieces, epoch)
                      .whenComplete(
                          (v, failure) -> {
                            hold.release();
                            Failures.pass(failure == null ? ok(epoch) : null, failure, result);
                          }));
          return result;
        });
  }

  private CompletableFuture<Void> committed(long batch, long pieces, long epoch) {
    synchronized (this) {
      if (batch < number) {
        return Answers.failed(NbdError.EIO, "batch " + batch + " comes after " + number);
      }
      // Also where the commit fails: what is late of an earlier one must not come after this.
      number = 0;
    }
    return staging()
        .commit(batch, epoch, pieces)
        .thenAccept(
            v -> {
              synchronized (this) {
                number = batch;
              }
            });
  }
}
