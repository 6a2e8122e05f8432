package dev.wherry.path.shared;

import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
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
      return refuse(wayBack(from, source, s.base() != null));
    }
    if (s.base() != null && s.base().equals(NodeSource.name(from))) {
      return refuse("what is not here yet comes from node " + from);
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
    return hand(from, session).whenComplete((v, failure) -> core.end());
  }

  /**
   * What the operator can do so that a former owner gets the volume that is not the last one.
   *
   * @param both that node is where blocks come from, too
   */
  private String wayBack(String to, String source, boolean both) {
    String here = core.node();
    String middle = NodeSource.nodeOf(source);
    String release = "'wherry volume release " + core.suid() + "' on node ";
    return middle == null
        ? "what is not on node "
            + here
            + " yet comes from "
            + source
            + ": "
            + release
            + here
            + " first, once all of it is there"
        : "what is not on node "
            + here
            + " yet comes from node "
            + middle
            + ", and some of that from node "
            + to
            + ": "
            + release
            + middle
            + " first, once node "
            + here
            + (both ? " has all of it" : " has what only node " + middle + " has");
  }

  private CompletableFuture<LinkReply> hand(String to, long session) {
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
                    .thenCompose(w -> give(to, session))
                    .whenComplete((reply, failure) -> handed(to, failure)))
        .exceptionally(
            failure ->
                LinkReply.not(
                    Status.REFUSED,
                    core.state().epoch(),
                    "it could not be handed over: " + Failures.causeOf(failure).getMessage()))
        .whenComplete((reply, failure) -> moves.resume());
  }

  private CompletableFuture<LinkReply> give(String to, long session) {
    return core.update(
            s -> {
              core.requireOwner(s);
              return s.withRole(Role.FORMER, to, s.epoch() + 1);
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
