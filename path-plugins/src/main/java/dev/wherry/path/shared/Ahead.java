package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.align.RangeLock;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * What a standby takes ahead of a hand-over. The owner knows under a session's number which of it
 * is still valid; this node knows which of it has arrived. A block that has arrived is never asked
 * for again in the session, so the owner's mark and what lies here are of the same moment.
 */
final class Ahead extends MovedBlocks {
  private static final int LARGEST = 1 << 20;

  private final Core core;
  private final long session;
  private final long epoch;
  private final String owner;
  private final BlockSet received = new BlockSet();

  /** A flush failed: the next one might succeed, and what had arrived be lost all the same. */
  private volatile boolean lost;

  private final RangeLock locks = new RangeLock();
  private final InFlight changing = new InFlight();
  private volatile boolean abandoned;

  Ahead(Core core, LayeredStore store, long session) {
    super(store);
    this.core = core;
    this.session = session;
    this.epoch = core.state().epoch();
    this.owner = core.state().owner();
  }

  long session() {
    return session;
  }

  /** What has arrived within a run; nothing once the store has failed to keep it. */
  List<Run> received(Run within) {
    List<Run> runs = new ArrayList<>();
    if (lost) {
      return runs;
    }
    for (long b = received.next(true, within.from(), within.end()); b < within.end(); ) {
      long to = received.next(false, b, within.end());
      runs.add(new Run(b, to));
      b = received.next(true, to, within.end());
    }
    return runs;
  }

  @Override
  long firstMissing(long from, long end) {
    return received.next(false, from, end);
  }

  @Override
  long firstHere(long from, long end) {
    return received.next(true, from, end);
  }

  /** A hint alone: nothing is marked for it. */
  @Override
  public CompletableFuture<List<Extent>> extents(long from, long end) {
    ByteBuf context = Unpooled.copiedBuffer(Extent.BASE_ALLOCATION, StandardCharsets.UTF_8);
    return call(Op.STATUS, from, end, 1024, context, Priority.BACKGROUND)
        .thenApply(Payloads::takeExtents);
  }

  @Override
  public CompletableFuture<Long> hydrate(long from, long end, Priority priority) {
    return locks.during(from, end - from, () -> fetch(from, end, priority));
  }

  private CompletableFuture<Long> fetch(long from, long end, Priority priority) {
    List<CompletableFuture<Long>> parts = new ArrayList<>();
    long step = Math.max(1, LARGEST / blockSize());
    for (long b = received.next(false, from, end); b < end; ) {
      long first = b;
      long to = Math.min(received.next(true, first, end), first + step);
      parts.add(
          call(Op.PRECOPY, first, to, 0, number(), priority)
              .thenCompose(reply -> keep(first, to, reply.payload())));
      b = received.next(false, to, end);
    }
    return Answers.join(parts)
        .thenApply(v -> parts.stream().mapToLong(CompletableFuture::join).sum());
  }

  private CompletableFuture<Long> keep(long from, long end, ByteBuf data) {
    long start = from * blockSize();
    int length = data.readableBytes();
    if (length != Math.min(store.size(), end * blockSize()) - start) {
      data.release();
      return Answers.failed(NbdError.EIO, length + " bytes for blocks " + from + " to " + end);
    }
    return change(() -> store.device().write(start, data, 0))
        .handle(
            (v, failure) -> {
              data.release();
              if (failure != null) {
                throw Failures.of(failure);
              }
              received.add(from, end);
              return (long) length;
            });
  }

  private CompletableFuture<Void> change(Supplier<CompletableFuture<Void>> write) {
    // Counted first: who abandons it waits until nothing is counted.
    changing.enter();
    CompletableFuture<Void> done =
        abandoned ? Answers.failed(NbdError.EIO, "not taken ahead any more") : write.get();
    return done.whenComplete((v, failure) -> changing.leave());
  }

  /**
   * Takes nothing any more. What was asked for may be answered later, and is dropped then; so it is
   * done soon, even if the owner never answers.
   *
   * @return done when nothing of it changes the store any more
   */
  CompletableFuture<Void> abandon() {
    abandoned = true;
    return changing.drained();
  }

  @Override
  public CompletableFuture<Void> hydrateZero(long from, long end) {
    return locks.during(from, end - from, () -> zero(from, end));
  }

  /** Takes what the owner still has as zeroes, run by run. */
  private CompletableFuture<Void> zero(long from, long end) {
    long first = received.next(false, from, end);
    if (first == end) {
      return Answers.done();
    }
    long to = received.next(true, first, end);
    return call(Op.PRECOPY_EXTENTS, first, to, 0, number(), Priority.BACKGROUND)
        .thenCompose(reply -> keepZero(first, to, Payloads.takeExtents(reply)))
        .thenCompose(next -> zero(next, end));
  }

  private CompletableFuture<Long> keepZero(long from, long end, List<Extent> extents) {
    List<CompletableFuture<?>> zeroed = new ArrayList<>();
    long at = from * blockSize();
    for (Extent e : extents) {
      long stop = Math.min(at + e.length(), Math.min(store.size(), end * blockSize()));
      long first = (at + blockSize() - 1) / blockSize();
      long to = stop == store.size() ? blocks() : stop / blockSize();
      if ((e.flags() & Extent.ZERO) != 0 && first < to) {
        long start = first * blockSize();
        zeroed.add(
            change(
                    () ->
                        store
                            .device()
                            .zero(start, Math.min(store.size(), to * blockSize()) - start, 0))
                .thenRun(() -> received.add(first, to)));
      }
      at = stop;
    }
    // What was not zero any more is fetched as data later.
    long next = at >= store.size() ? end : Math.max(from + 1, at / blockSize());
    return Answers.join(zeroed).thenApply(v -> Math.min(end, next));
  }

  /**
   * Asks which of what has arrived was changed since, to have it brought again.
   *
   * @return how many blocks
   */
  CompletableFuture<Long> recheck() {
    return call(Op.PRECOPY_CHANGED, 0, 0, 0, number(), Priority.BACKGROUND)
        .thenCompose(
            reply -> {
              try {
                List<Run> lost = Run.read(reply.payload(), blocks());
                CompletableFuture<Void> done = Answers.done();
                for (Run run : lost) {
                  done =
                      done.thenCompose(
                          v -> locks.during(run.from(), run.count(), () -> forget(run)));
                }
                return done.thenApply(v -> Run.total(lost));
              } catch (IllegalArgumentException e) {
                return Answers.failed(NbdError.EIO, String.valueOf(e.getMessage()));
              } finally {
                reply.payload().release();
              }
            });
  }

  private CompletableFuture<Void> forget(Run run) {
    received.remove(run.from(), run.end());
    return Answers.done();
  }

  @Override
  public CompletableFuture<Void> settle() {
    return store
        .device()
        .flush()
        .whenComplete(
            (v, failure) -> {
              if (failure != null) {
                lost = true;
              }
            });
  }

  @Override
  public long roundTripNanos() {
    return core.links().to(owner).map(Link::roundTripNanos).orElse(0L);
  }

  private ByteBuf number() {
    return Payloads.buffer(8).writeLong(session);
  }

  private CompletableFuture<LinkReply> call(
      Op op, long from, long end, int flags, ByteBuf payload, Priority priority) {
    Link link = core.links().to(owner).orElse(null);
    long start = from * blockSize();
    long length = Math.max(0, Math.min(store.size(), end * blockSize()) - start);
    if (link == null) {
      payload.release();
      return Answers.failed(NbdError.EIO, "node " + owner + " is unknown here");
    }
    return link.call(
            new LinkRequest(op, core.suid(), epoch, start, length, flags, payload),
            priority,
            core.ioTimeout())
        .handle(
            (reply, failure) -> {
              if (failure != null) {
                throw Failures.nbd(failure);
              }
              if (reply.isOk()) {
                return reply;
              }
              reply.payload().release();
              if (reply.status() == Status.STALE) {
                core.knownOwner().learn(reply.text(), reply.epoch());
              }
              throw new NbdException(
                  NbdError.EIO, "node " + owner + ": " + reply.status() + " " + reply.text());
            });
  }
}
