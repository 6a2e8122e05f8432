package dev.wherry.path.shared;

import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.map.BlockMap;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The owner's side of a hand-over, as {@link Ownership} draws it. */
final class Giving {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  /** Flag of HANDOVER: the taker was the owner before, and its store is that of then. */
  static final int FORMER = 1;

  private final Core core;
  private final Moves moves;

  Giving(Core core, Moves moves) {
    this.core = core;
    this.moves = moves;
  }

  /** The owner flushes while it serves, so that little is left for the hand-over. */
  CompletableFuture<LinkReply> prepared(LinkRequest request) {
    ShareState s = core.state();
    if (s.role() != Role.OWNER || s.fence() != null || request.epoch() != s.epoch()) {
      return stale();
    }
    return core.inner().flush().thenApply(v -> LinkReply.ok(s.epoch()));
  }

  private CompletableFuture<LinkReply> stale() {
    return CompletableFuture.completedFuture(core.stale());
  }

  private CompletableFuture<LinkReply> refuse(String why) {
    return CompletableFuture.completedFuture(
        LinkReply.not(Status.REFUSED, core.state().epoch(), why));
  }

  CompletableFuture<LinkReply> asked(String from, LinkRequest request) {
    ShareState s = core.state();
    if (s.fence() != null) {
      return refuse("it is fenced: " + s.fence());
    }
    if (s.role() == Role.FORMER && s.owner().equals(from) && s.epoch() == request.epoch() + 1) {
      return CompletableFuture.completedFuture(answer(s, from, 0));
    }
    if (s.role() != Role.OWNER || request.epoch() != s.epoch()) {
      return stale();
    }
    if (!s.members().contains(from)) {
      return refuse("node " + from + " has no part in volume " + core.suid());
    }
    String source = s.source();
    if ((request.flags() & FORMER) != 0
        && source != null
        && !source.equals(NodeSource.name(from))) {
      return refuse(
          "what is not here yet comes from "
              + source
              + ", which may need what node "
              + from
              + " holds; release it first, or return the volume the way it came");
    }
    if (s.base() != null && s.base().equals(NodeSource.name(from))) {
      return refuse("what is not here yet comes from node " + from);
    }
    boolean anew = isAnew(s, from, request);
    if (anew && isMissingAny()) {
      return refuse(
          "what is not here yet came from node "
              + from
              + ", which has lost it: its part was made anew since");
    }
    try {
      core.begin("handed over");
    } catch (ShareException e) {
      return refuse(String.valueOf(e.getMessage()));
    }
    long session =
        request.payload().readableBytes() >= 8
            ? request.payload().getLong(request.payload().readerIndex())
            : 0;
    return hand(from, session, anew).whenComplete((v, failure) -> core.end());
  }

  /** Whether the taker was this node's source, and is a standby now, which has nothing of that. */
  private static boolean isAnew(ShareState s, String from, LinkRequest request) {
    return (request.flags() & FORMER) == 0 && NodeSource.name(from).equals(s.source());
  }

  private boolean isMissingAny() {
    BlockMap map = core.requireStore().map();
    return map != null && map.here() < map.blocks();
  }

  /**
   * @param anew nothing of the taker's store is what this node has: it is no source any more
   */
  private CompletableFuture<LinkReply> hand(String to, long session, boolean anew) {
    LayeredStore store = core.requireStore();
    return moves
        .stop()
        .thenCompose(v -> core.hold())
        .thenCompose(
            v ->
                store
                    .quiet()
                    .thenCompose(w -> core.writer().stop())
                    .thenCompose(w -> core.writer().flush())
                    .thenCompose(w -> give(to, session, anew))
                    .whenComplete((reply, failure) -> handed(to, failure)))
        .exceptionally(
            failure ->
                LinkReply.not(
                    Status.REFUSED,
                    core.state().epoch(),
                    "it could not be handed over: " + Failures.causeOf(failure).getMessage()))
        .whenComplete((reply, failure) -> moves.resume());
  }

  private CompletableFuture<LinkReply> give(String to, long session, boolean anew) {
    return core.update(
            s -> {
              core.requireOwner(s);
              ShareState given = s.withRole(Role.FORMER, to, s.epoch() + 1);
              return anew ? given.withSources(null, null, s.map()) : given;
            })
        .thenApply(s -> answer(s, to, session));
  }

  private void handed(String to, @Nullable Throwable failure) {
    core.marks().clear();
    if (failure != null) {
      core.switchRole(); // What it wrote with has ended.
      return;
    }
    long stall = core.switchRole();
    core.handedOver(stall);
    LOG.info(
        "volume {}: handed to node {}, epoch {}; hosts were held for {} us",
        core.suid(),
        to,
        core.state().epoch(),
        stall / 1000);
  }

  /** What the taker is told; the same whenever it asks, but for what it was sent ahead. */
  private LinkReply answer(ShareState s, String to, long session) {
    LayeredStore store = core.requireStore();
    boolean returned = NodeSource.name(to).equals(s.source());
    HandoverAnswer answer =
        returned
            ? new HandoverAnswer(true, s.members(), store.dirty(), store.absent())
            : new HandoverAnswer(
                false, s.members(), core.marks().valid(to, session, store.blocks()), List.of());
    return LinkReply.ok(s.epoch(), answer.write());
  }
}
