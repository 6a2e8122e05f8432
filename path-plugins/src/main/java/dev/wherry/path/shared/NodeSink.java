package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Links;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * Another node's store that follows the owner's. Requests begin with the batch's number, answers
 * with the life of the node's part that answered: what it was sent and not asked to flush may be
 * lost with a life, so the first answer of another one is a failure.
 *
 * <pre>
 *   STORE_WRITE   number (8), data
 *   STORE_ZERO    number (8)
 *   STORE_FLUSH   number (8)
 *   BATCH_DATA    flags 1: begin: 0 (8); the answer goes on with the number (8)
 *                 flags 2: number (8), offset and length read as zeroes
 *                 flags 0: number (8), data
 *   BATCH_COMMIT  number (8), pieces (8)
 *   answers       life (8)
 * </pre>
 */
final class NodeSink implements Sink {
  /** Flag of BATCH_DATA: a batch begins. */
  static final int BEGIN = 1;

  /** Flag of BATCH_DATA: zeroes. */
  static final int ZEROES = 2;

  /** Takes note of an owner that the node named. */
  interface Learn {
    void owner(String name, long epoch);
  }

  private final String node;
  private final String suid;
  private final Links links;
  private final LongSupplier epoch;
  private final Duration limit;
  private final Learn learn;
  private final AtomicLong life = new AtomicLong();

  /**
   * @param epoch of this node's ownership
   * @param limit how long a request may wait for the node
   */
  NodeSink(String node, String suid, Links links, LongSupplier epoch, Duration limit, Learn learn) {
    this.node = node;
    this.suid = suid;
    this.links = links;
    this.epoch = epoch;
    this.limit = limit;
    this.learn = learn;
  }

  private static ByteBuf number(long batch, int more) {
    return Payloads.buffer(8 + more).writeLong(batch);
  }

  /** Owns the data. */
  private static ByteBuf numbered(long batch, ByteBuf data) {
    CompositeByteBuf all = data.alloc().compositeBuffer(2);
    return all.addComponent(true, number(batch, 0)).addComponent(true, data);
  }

  @Override
  public CompletableFuture<Long> begin() {
    life.set(0);
    return call(Op.BATCH_DATA, 0, 0, BEGIN, number(0, 0))
        .thenApply(
            reply -> {
              try {
                if (reply.payload().readableBytes() != 8) {
                  throw new NbdException(NbdError.EIO, "node " + node + " names no batch");
                }
                return reply.payload().readLong();
              } finally {
                reply.payload().release();
              }
            });
  }

  @Override
  public CompletableFuture<Void> put(long batch, long offset, ByteBuf data) {
    int length = data.readableBytes();
    return done(call(Op.BATCH_DATA, offset, length, 0, numbered(batch, data)));
  }

  @Override
  public CompletableFuture<Void> putZero(long batch, long offset, long length) {
    return done(call(Op.BATCH_DATA, offset, length, ZEROES, number(batch, 0)));
  }

  @Override
  public CompletableFuture<Void> commit(long batch, long pieces) {
    return done(call(Op.BATCH_COMMIT, 0, 0, 0, number(batch, 8).writeLong(pieces)));
  }

  @Override
  public CompletableFuture<Void> write(long batch, long offset, ByteBuf data) {
    int length = data.readableBytes();
    return done(call(Op.STORE_WRITE, offset, length, 0, numbered(batch, data.retainedSlice())));
  }

  @Override
  public CompletableFuture<Void> zero(long batch, long offset, long length) {
    return done(call(Op.STORE_ZERO, offset, length, 0, number(batch, 0)));
  }

  @Override
  public CompletableFuture<Void> flush(long batch) {
    return done(call(Op.STORE_FLUSH, 0, 0, 0, number(batch, 0)));
  }

  private static CompletableFuture<Void> done(CompletableFuture<LinkReply> call) {
    return call.thenAccept(reply -> reply.payload().release());
  }

  private CompletableFuture<LinkReply> call(
      Op op, long offset, long length, int flags, ByteBuf payload) {
    Link link = links.to(node).orElse(null);
    if (link == null) {
      payload.release();
      return CompletableFuture.failedFuture(
          new NbdException(NbdError.EIO, "node " + node + " is unknown here"));
    }
    return link.call(
            new LinkRequest(op, suid, epoch.getAsLong(), offset, length, flags, payload),
            Priority.MIRROR,
            limit)
        .handle(
            (reply, failure) -> {
              if (failure != null) {
                throw Failures.nbd(failure);
              }
              try {
                check(op, reply);
              } catch (RuntimeException e) {
                reply.payload().release();
                throw e;
              }
              return reply;
            });
  }

  private void check(Op op, LinkReply reply) {
    if (reply.status() == Status.STALE) {
      learn.owner(reply.text(), reply.epoch());
    }
    String text = "node " + node + ": " + op + " " + reply.status() + " " + reply.text();
    if (reply.status() == Status.IMPOSSIBLE) {
      throw new WholeBlocks(text);
    }
    if (!reply.isOk()) {
      NbdError error = reply.error();
      throw new NbdException(error == null ? NbdError.EIO : error, text);
    }
    long answered = reply.payload().readableBytes() < 8 ? 0 : reply.payload().readLong();
    long known = life.compareAndExchange(0, answered);
    if (answered == 0 || (known != 0 && known != answered)) {
      throw new NbdException(
          NbdError.EIO, "node " + node + " was started anew: what was not flushed may be lost");
    }
  }
}
