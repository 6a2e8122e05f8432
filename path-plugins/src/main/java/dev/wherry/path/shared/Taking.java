package dev.wherry.path.shared;

import dev.wherry.path.Answers;
import dev.wherry.path.link.LinkException;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * The taker's side of a hand-over, as {@link Ownership} draws it; {@link Giving} is the owner's.
 */
final class Taking {
  private static final int MOST_REDIRECTS = 8;
  private static final int MOST_FLUSHES = 20;
  private static final long SHORT_FLUSH_NANOS = 2_000_000;

  private final Core core;
  private final Moves moves;
  private final Peers peers;
  private volatile @Nullable Try current;

  Taking(Core core, Moves moves, Peers peers) {
    this.core = core;
    this.moves = moves;
    this.peers = peers;
  }

  /** One try to become the owner. */
  private static final class Try {
    /** What the owner knows it by. */
    final Giving.Asked asked;

    /** The owner may have given the ownership away to this node, and this node not know of it. */
    boolean uncertain;

    /** The owner has promised the ownership, as far as this node knows. */
    boolean pledged;

    /** Done when this node is to wait for the owner no more. */
    final CompletableFuture<Void> stopped = new CompletableFuture<>();

    /** What need not be done while hosts wait. */
    Runnable afterwards = () -> {};

    Try(long session, boolean uncertain) {
      this.asked = new Giving.Asked(session, ThreadLocalRandom.current().nextLong());
      this.uncertain = uncertain;
    }
  }

  /**
   * Asks the owner, and becomes it.
   *
   * @param asked an earlier ask may have been heard already
   */
  CompletableFuture<Void> take(boolean asked) {
    Try attempt = new Try(moves.session(), asked);
    current = attempt;
    return unlessStopped(attempt, moves.stop())
        .thenCompose(v -> core.update(s -> s.withWanted(true)))
        .thenCompose(v -> prepare(attempt, 0))
        .thenCompose(v -> NextMap.create(core, moves))
        .thenCompose(next -> fill(attempt, next))
        .whenComplete((v, failure) -> moves.resume())
        .handle(
            (v, failure) -> {
              if (failure == null) {
                return Peers.ok();
              }
              ShareException why = explained(failure);
              return attempt.uncertain
                  ? CompletableFuture.<Void>failedFuture(why)
                  : core.update(s -> s.withWanted(false))
                      .thenCompose(s -> CompletableFuture.<Void>failedFuture(why));
            })
        .thenCompose(v -> v);
  }

  /**
   * Has the try that is under way wait for the owner no more: it fails soon. One that has asked for
   * the ownership itself waits for that answer still, as long as a host would.
   */
  void stop() {
    Try attempt = current;
    if (attempt != null) {
      attempt.stopped.complete(null);
    }
  }

  private static CompletableFuture<Void> unlessStopped(Try attempt, CompletableFuture<Void> what) {
    CompletableFuture<Void> result = new CompletableFuture<>();
    what.whenComplete((v, failure) -> Failures.pass(null, failure, result));
    attempt.stopped.thenRun(() -> result.completeExceptionally(notWaitedFor(true)));
    return result;
  }

  private static LinkException notWaitedFor(boolean unsent) {
    return new LinkException("the owner is not waited for any more", unsent);
  }

  /** Asks the owner, as long as the try is not stopped. */
  private CompletableFuture<LinkReply> call(Try attempt, String owner, LinkRequest request) {
    if (attempt.stopped.isDone()) {
      request.payload().release();
      return CompletableFuture.failedFuture(notWaitedFor(true));
    }
    CompletableFuture<LinkReply> result = new CompletableFuture<>();
    peers
        .call(owner, request)
        .whenComplete(
            (reply, failure) -> {
              if (failure != null) {
                result.completeExceptionally(Failures.causeOf(failure));
              } else if (!result.complete(reply)) {
                reply.payload().release();
              }
            });
    attempt.stopped.thenRun(() -> result.completeExceptionally(notWaitedFor(false)));
    return result;
  }

  static ShareException explained(Throwable failure) {
    Throwable cause = Failures.causeOf(failure);
    return cause instanceof ShareException e
        ? e
        : new ShareException(
            Failures.isNoRoom(cause) ? Status.NO_SPACE : Status.REFUSED,
            String.valueOf(cause.getMessage()));
  }

  /** Has the owner flush while it serves; finds out who the owner is. */
  private CompletableFuture<Void> prepare(Try attempt, int redirects) {
    ShareState s = core.state();
    LinkRequest request = LinkRequest.of(Op.PREPARE, core.suid(), s.epoch(), 0, 0);
    return call(attempt, s.owner(), request.withFlags(flags(s)).withPayload(attempt.asked.write()))
        .thenCompose(
            reply -> {
              reply.payload().release();
              // Should an earlier ask be heard all the same, the owner's requests tell of it.
              attempt.uncertain &= !reply.isOk() && reply.status() != Status.UNKNOWN;
              return switch (reply.status()) {
                case OK -> Peers.ok();
                case STALE -> redirected(attempt, reply.text(), reply.epoch(), redirects);
                default -> Peers.refused(reply.status(), "node " + s.owner() + ": " + reply.text());
              };
            });
  }

  private CompletableFuture<Void> redirected(Try attempt, String owner, long epoch, int redirects) {
    ShareState known = core.state();
    if (owner.equals(core.node()) && epoch > known.epoch()) {
      return Peers.ok(); // An earlier ask was heard; the next one gets its answer again.
    }
    if (owner.equals(core.node())) {
      // It has heard less than this node.
      return Peers.refused(
          Status.REFUSED,
          "volume "
              + core.suid()
              + " was given to node "
              + known.owner()
              + ", which has not taken it yet");
    }
    if (redirects == MOST_REDIRECTS) {
      return Peers.refused(Status.REFUSED, "the owner changes faster than it can be asked");
    }
    core.knownOwner().learn(owner, epoch);
    return core.update(s -> s.withWanted(true)).thenCompose(s -> prepare(attempt, redirects + 1));
  }

  private CompletableFuture<Void> fill(Try attempt, NextMap next) {
    return next.fill(
            from ->
                differences(attempt, from)
                    .thenApply(
                        reply -> {
                          // As where the ownership itself is refused.
                          attempt.uncertain &= reply.isOk();
                          return reply;
                        }))
        .thenCompose(v -> settle(attempt, 0, Long.MAX_VALUE))
        .thenCompose(v -> pledge(attempt))
        .thenCompose(v -> core.inner().suspend(core.ioTimeout(), core.parts().timer()))
        .thenCompose(v -> wantStill())
        .thenCompose(s -> ask(s, attempt, next))
        .handle(
            (v, failure) ->
                failure == null
                    ? Peers.ok()
                    : giveUp(attempt, next)
                        .handle((w, f) -> null)
                        .thenCompose(w -> CompletableFuture.<Void>failedFuture(failure)))
        .thenCompose(v -> v);
  }

  private CompletableFuture<Void> giveUp(Try attempt, NextMap next) {
    ShareState s = core.state();
    if (attempt.pledged && !attempt.uncertain) {
      LinkRequest request =
          LinkRequest.of(Op.PLEDGE, core.suid(), s.epoch(), 0, 0)
              .withFlags(Giving.BACK)
              .withPayload(attempt.asked.write());
      // If it is not heard, the owner takes it back by itself in a while.
      peers.call(s.owner(), request).thenAccept(reply -> reply.payload().release());
    }
    return s.map() == next.number() ? Peers.ok() : next.remove();
  }

  /**
   * Has the owner flush again, as long as that makes the next flush shorter: what hosts write while
   * one runs is what the next one has to do, and the last one runs while they are held.
   */
  private CompletableFuture<Void> settle(Try attempt, int round, long before) {
    ShareState s = core.state();
    long began = core.now();
    return call(attempt, s.owner(), LinkRequest.of(Op.FLUSH, core.suid(), s.epoch(), 0, 0))
        .thenCompose(
            reply -> {
              reply.payload().release();
              if (!reply.isOk() && reply.status() != Status.STALE) {
                return Peers.refused(reply.status(), "node " + s.owner() + ": " + reply.text());
              }
              long took = core.now() - began;
              boolean shrinks = took > SHORT_FLUSH_NANOS && took < before / 8 * 7;
              return reply.isOk() && shrinks && round < MOST_FLUSHES
                  ? settle(attempt, round + 1, took)
                  : Peers.ok();
            });
  }

  /** Has the owner promise the ownership, so that it need not write that down while hosts wait. */
  private CompletableFuture<Void> pledge(Try attempt) {
    ShareState s = core.state();
    LinkRequest request = LinkRequest.of(Op.PLEDGE, core.suid(), s.epoch(), 0, 0);
    return call(attempt, s.owner(), request.withFlags(flags(s)).withPayload(attempt.asked.write()))
        .thenCompose(
            reply -> {
              reply.payload().release();
              if (reply.isOk() || reply.status() == Status.STALE) {
                attempt.pledged = reply.isOk();
                return Peers.ok(); // Of another owner HANDOVER tells.
              }
              // As where the ownership itself is refused.
              attempt.uncertain = false;
              return Peers.refused(reply.status(), "node " + s.owner() + ": " + reply.text());
            });
  }

  private CompletableFuture<LinkReply> differences(Try attempt, long from) {
    ShareState s = core.state();
    long blockSize = core.parts().blockSize();
    LinkRequest request =
        LinkRequest.of(Op.DIFFERENCES, core.suid(), s.epoch(), from * blockSize, 0);
    return call(attempt, s.owner(), request.withFlags(flags(s)).withPayload(attempt.asked.write()));
  }

  private static int flags(ShareState s) {
    return s.role() == Role.FORMER ? Giving.FORMER : 0;
  }

  /** That it is wanted is durable again, should the owner have changed since it was. */
  private CompletableFuture<ShareState> wantStill() {
    return core.update(s -> s.withWanted(true))
        .whenComplete(
            (s, failure) -> {
              if (failure != null) {
                core.inner().resume();
              }
            });
  }

  private CompletableFuture<Void> ask(ShareState s, Try attempt, NextMap next) {
    if (next.number() != s.epoch() + 1) {
      core.inner().resume();
      return Peers.refused(Status.REFUSED, "the owner has changed meanwhile; ask again");
    }
    if (attempt.stopped.isDone()) {
      core.inner().resume();
      return CompletableFuture.failedFuture(notWaitedFor(true));
    }
    boolean before = attempt.uncertain;
    attempt.uncertain = true;
    LinkRequest request =
        LinkRequest.of(Op.HANDOVER, core.suid(), s.epoch(), 0, 0)
            .withFlags(flags(s))
            .withPayload(attempt.asked.write());
    // Its end is waited for in any case: the owner must not hear of it once it is given up.
    return peers
        .call(s.owner(), request)
        .handle(
            (reply, failure) -> {
              if (failure != null) {
                Throwable cause = Failures.causeOf(failure);
                boolean unheard =
                    cause instanceof ShareException
                        || (cause instanceof LinkException e && e.unsent());
                attempt.uncertain = before || !unheard;
              } else if (!reply.isOk()) {
                attempt.uncertain = false; // As after PREPARE.
              }
              return failure == null
                  ? answered(s, attempt, reply, next)
                  : CompletableFuture.<Void>failedFuture(Failures.causeOf(failure));
            })
        .thenCompose(v -> v)
        .handle(
            (v, failure) -> {
              if (failure != null) {
                core.receiving().unseal();
                core.inner().resume();
                throw Failures.of(failure);
              }
              long stall = core.presentRole().switchRole();
              core.state().members().forEach(peers::tell);
              core.lastHandover().note(stall);
              core.lastHandover().log("owned here", stall);
              attempt.afterwards.run();
              return null;
            });
  }

  private CompletableFuture<Void> answered(
      ShareState s, Try attempt, LinkReply reply, NextMap next) {
    ByteBuf payload = reply.payload();
    try {
      if (reply.status() == Status.STALE) {
        core.knownOwner().learn(reply.text(), reply.epoch());
        return Peers.refused(Status.REFUSED, "node " + reply.text() + " owns it by now");
      }
      if (!reply.isOk()) {
        return Peers.refused(reply.status(), "node " + s.owner() + ": " + reply.text());
      }
      HandoverAnswer answer = HandoverAnswer.read(payload, core.requireStore().blocks());
      long losses = Math.max(answer.losses(), core.unflushed().latest());
      String source = NodeSource.name(s.owner());
      return next.complete(answer, from -> differences(attempt, from))
          .thenCompose(
              outdated ->
                  become(
                      attempt,
                      s,
                      next.map(),
                      owned(s, reply.epoch(), losses)
                          .withMembers(others(answer.members(), s.owner()))
                          .withSources(source, next.base(s, source), next.number())
                          .withOutdated(outdated)));
    } catch (IllegalArgumentException e) {
      return Peers.refused(Status.ERROR, "node " + s.owner() + ": " + e.getMessage());
    } finally {
      payload.release();
    }
  }

  ShareState owned(ShareState s, long epoch, long losses) {
    return s.owned(core.node(), epoch, losses, core.parts().boot(), core.unflushed().owes(losses));
  }

  private CompletableFuture<Void> become(
      Try attempt, ShareState asked, BlockMap map, ShareState owned) {
    LayeredStore store = core.requireStore();
    long before = asked.map();
    return core.receiving()
        .seal()
        .thenCompose(
            v ->
                core.update(
                    now -> {
                      if (now.epoch() != asked.epoch()) {
                        throw new ShareException(
                            Status.REFUSED,
                            "node " + now.owner() + " owns it by now, epoch " + now.epoch());
                      }
                      return owned;
                    }))
        .thenCompose(
            s -> {
              core.unflushed().handedOver(s.losses());
              BlockMap old = store.map();
              store.map(map, s.outdated().isEmpty() ? Answers::done : () -> core.mapForced(map));
              moves.forgetAhead();
              core.connectSource(s);
              // A fetch of before that has just come is kept for the old map, or not at all.
              CompletableFuture<Void> quiet = store.quiet();
              if (old != null) {
                attempt.afterwards =
                    () ->
                        quiet
                            .thenCompose(v -> old.close())
                            .thenCompose(v -> core.parts().log().remove(before));
              }
              return quiet;
            });
  }

  List<String> others(List<String> members, String former) {
    List<String> all = new ArrayList<>(members);
    all.remove(core.node());
    if (!all.contains(former)) {
      all.add(former);
    }
    return all;
  }
}
