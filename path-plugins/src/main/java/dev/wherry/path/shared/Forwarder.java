package dev.wherry.path.shared;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkException;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Sends hosts' requests to the owner. A request that finds another owner there fails with {@link
 * TryAgain}, having done nothing.
 */
final class Forwarder extends RoleHandler {
  private final Core core;
  private final String name;

  /** One request that is under way. */
  private static final class Pending {
    /** In which epoch the owner was asked. */
    final long epoch;

    /** What the owner says to it. */
    final CompletableFuture<LinkReply> answer = new CompletableFuture<>();

    /** Done when the owner is not waited for any more by what holds hosts' requests. */
    final CompletableFuture<Void> abandoned = new CompletableFuture<>();

    /** Done when nobody waits for the answer any more. */
    final CompletableFuture<Void> withdrawal = new CompletableFuture<>();

    Pending(long epoch) {
      this.epoch = epoch;
    }
  }

  private final Set<Pending> waiting = ConcurrentHashMap.newKeySet();
  private volatile boolean abandoned;

  Forwarder(Core core, String name) {
    super(core.suid(), core.size());
    this.core = core;
    this.name = name;
  }

  @Override
  public String name() {
    return name;
  }

  /**
   * The owner is not waited for any more: what is under way, and what comes, tries again. A change
   * that is under way may have been done, and is in doubt until its answer comes, or will not come:
   * by then others may have overwritten it.
   */
  void abandon() {
    abandoned = true;
    waiting.forEach(w -> w.abandoned.complete(null));
  }

  /**
   * This node takes the ownership by force, after {@link #abandon}, and nothing is under way but
   * what is in doubt. What the owner does from now on counts for nothing here, so changes fail that
   * it may have heard of; those that never left are made again.
   */
  void disown() {
    waiting.forEach(w -> w.withdrawal.complete(null));
  }

  /**
   * This node has learned of another owner. What was asked of one that was forced out is asked of
   * that: the old one may not have heard of it, and answer with what it was told since.
   */
  void ownerLearned() {
    waiting.stream().filter(this::isOverruled).forEach(w -> w.abandoned.complete(null));
  }

  /** Whether another node has been made the owner by force since, as this node has heard by now. */
  private boolean isOverruled(Pending asked) {
    return Ownership.isForcedBetween(asked.epoch, core.state().epoch());
  }

  /** Takes back {@link #abandon}: nobody else has become the owner. */
  void goOn() {
    abandoned = false;
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    return ask(offset, length)
        .handle(
            (data, failure) ->
                failure == null
                    ? CompletableFuture.completedFuture(data)
                    : readHere(offset, length, Failures.causeOf(failure)))
        .thenCompose(data -> data);
  }

  /**
   * What the owner has not got and may not fetch is read from this node's own store, where it was
   * the owner before; block by block, since the owner may have others.
   */
  private CompletableFuture<ByteBuf> readHere(long offset, int length, Throwable failure) {
    LayeredStore store = core.store();
    if (store == null
        || core.state().role() != Role.FORMER
        || !NotHere.says(failure, core.node())) {
      return CompletableFuture.failedFuture(failure);
    }
    long blocks = (offset + length - 1) / store.blockSize() - offset / store.blockSize() + 1;
    if (blocks == 1) {
      return store
          .fetch("", offset, length, Priority.DEMAND)
          .thenCompose(
              fetched -> {
                if (fetched.absent().isEmpty()) {
                  return CompletableFuture.completedFuture(fetched.data());
                }
                fetched.data().release();
                return CompletableFuture.failedFuture(NotHere.at(null));
              });
    }
    long middle = (offset / store.blockSize() + blocks / 2) * store.blockSize();
    int before = (int) (middle - offset);
    return Buffers.join(List.of(read(offset, before), read(middle, length - before)));
  }

  private CompletableFuture<ByteBuf> ask(long offset, int length) {
    return call(Op.READ, offset, length, 0, Unpooled.EMPTY_BUFFER)
        .thenCompose(
            reply -> {
              if (reply.payload().readableBytes() == length) {
                return CompletableFuture.completedFuture(reply.payload());
              }
              int got = reply.payload().readableBytes();
              reply.payload().release();
              return Answers.failed(
                  NbdError.EIO, got + " bytes in answer to a read of " + length + " at " + offset);
            });
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return change(Op.WRITE, offset, data.readableBytes(), flags, data.retainedSlice());
  }

  @Override
  public CompletableFuture<Void> flush() {
    return call(Op.FLUSH, 0, 0, 0, Unpooled.EMPTY_BUFFER)
        .thenAccept(reply -> core.unflushed().seen(losses(reply)));
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return change(Op.TRIM, offset, length, flags, Unpooled.EMPTY_BUFFER);
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return change(Op.ZERO, offset, length, flags & ~Export.FAST_ZERO, Unpooled.EMPTY_BUFFER);
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return call(Op.CACHE, offset, length, 0, Unpooled.EMPTY_BUFFER)
        .thenAccept(reply -> reply.payload().release());
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    if (context.equals(BlockState.CONTEXT)) {
      return CompletableFuture.completedFuture(core.states(offset, length, maxExtents));
    }
    ByteBuf text = Unpooled.copiedBuffer(context, StandardCharsets.UTF_8);
    return call(Op.STATUS, offset, length, maxExtents, text).thenApply(Payloads::takeExtents);
  }

  /** Asks for a change, and takes note of it when it is answered, before the host is told. */
  private CompletableFuture<Void> change(
      Op op, long offset, long length, int flags, ByteBuf payload) {
    Pending pending = send(op, offset, length, flags, payload);
    CompletableFuture<Void> outcome =
        pending.answer.thenAccept(reply -> changed(flags, reply, pending));
    CompletableFuture<Void> result = new CompletableFuture<>();
    outcome.whenComplete((v, failure) -> Failures.pass(null, failure, result));
    pending.abandoned.thenRun(() -> result.completeExceptionally(TryAgain.inDoubt(outcome)));
    return result;
  }

  private void changed(int flags, LinkReply reply, Pending asked) {
    if ((flags & Export.FUA) == 0) {
      core.unflushed().answered(losses(reply));
      return;
    }
    core.unflushed().seen(losses(reply));
    if (isOverruled(asked)) {
      throw NbdException.harmless(
          NbdError.EIO,
          "node " + core.state().owner() + " was made the owner by force when this was done");
    }
  }

  private long losses(LinkReply reply) {
    try {
      return Payloads.readLosses(reply.payload(), core.unflushed().latest());
    } catch (IllegalArgumentException e) {
      throw new NbdException(NbdError.EIO, String.valueOf(e.getMessage()), e);
    } finally {
      reply.payload().release();
    }
  }

  /** Asks for what does no harm when it is asked for twice. */
  private CompletableFuture<LinkReply> call(
      Op op, long offset, long length, int flags, ByteBuf payload) {
    Pending pending = send(op, offset, length, flags, payload);
    CompletableFuture<LinkReply> result = new CompletableFuture<>();
    pending.answer.whenComplete(
        (reply, failure) -> {
          if (failure != null) {
            result.completeExceptionally(Failures.causeOf(failure));
          } else if (isOverruled(pending)) {
            reply.payload().release();
            result.completeExceptionally(TryAgain.failure(true));
          } else if (!result.complete(reply)) {
            reply.payload().release();
          }
        });
    pending.abandoned.thenRun(() -> result.completeExceptionally(TryAgain.failure(false)));
    return result;
  }

  private Pending send(Op op, long offset, long length, int flags, ByteBuf payload) {
    ShareState state = core.state();
    Pending pending = new Pending(state.epoch());
    Optional<Link> link = core.links().to(state.owner());
    int sent = flags;
    if (link.isEmpty()) {
      // A node that was the owner meanwhile knows the way.
      link = state.members().stream().flatMap(m -> core.links().to(m).stream()).findFirst();
      sent |= Serving.VIA;
    }
    if (abandoned || link.isEmpty()) {
      payload.release();
      pending.answer.completeExceptionally(TryAgain.failure(false));
      return pending;
    }
    waiting.add(pending);
    link.get()
        .call(
            new LinkRequest(op, suid(), state.epoch(), offset, length, sent, payload),
            Priority.DEMAND,
            core.ioTimeout(),
            pending.withdrawal)
        .whenComplete(
            (reply, failure) -> {
              waiting.remove(pending);
              land(state, reply, failure, pending);
            });
    if (abandoned || isOverruled(pending)) {
      pending.abandoned.complete(null);
    }
    return pending;
  }

  private void land(
      ShareState asked, @Nullable LinkReply reply, @Nullable Throwable failure, Pending pending) {
    CompletableFuture<LinkReply> answer = pending.answer;
    boolean disowned = pending.withdrawal.isDone();
    if (reply == null || failure != null) {
      boolean unsent =
          failure != null && Failures.causeOf(failure) instanceof LinkException e && e.unsent();
      answer.completeExceptionally(
          disowned && unsent ? TryAgain.failure(true) : Failures.unreached(failure));
      return;
    }
    switch (reply.status()) {
      case OK -> {
        if (!disowned) {
          answer.complete(reply);
          return;
        }
        answer.completeExceptionally(
            NbdException.harmless(
                NbdError.EIO,
                "node " + asked.owner() + " has done it when this node was made the owner"));
      }
      case STALE -> {
        boolean known = core.knownOwner().learn(reply.text(), reply.epoch());
        answer.completeExceptionally(
            TryAgain.failure(disowned || (known && reply.epoch() > asked.epoch())));
      }
      default -> {
        NbdError error = reply.error();
        answer.completeExceptionally(
            NbdException.harmless(
                error == null ? NbdError.EIO : error,
                "node " + asked.owner() + ": " + reply.status() + " " + reply.text()));
      }
    }
    reply.payload().release();
  }
}
