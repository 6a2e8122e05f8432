package dev.wherry.path.shared;

import dev.wherry.path.VolumeState;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkException;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The passage of the ownership from node to node.
 *
 * <pre>
 *  taker (standby or former)                    owner
 *  ─────────────────────────                    ─────
 *  wanted := true, durably
 *  PREPARE ───────────────────────────────────▶ flushes while it serves, then notes what changes
 *  DIFFERENCES ───────────────────────────────▶
 *  fills its next map, durably ◀─────────────── what its store has, stretch by stretch
 *  holds its hosts, lets what it forwarded end
 *  HANDOVER ──────────────────────────────────▶ holds its hosts, lets all end, flushes the rest
 *                                               FORMER, owner := taker, epoch + 1, durably
 *  OWNER, epoch + 1, source := owner ◀───────── what has changed since
 *  durably; its hosts go on                     its hosts go on, to the taker
 * </pre>
 *
 * A taker whose HANDOVER was not answered asks again, also after a restart, as long as it remembers
 * that it wanted; the same question gets the same answer. Until then nobody can write, and nobody
 * but the two knows: the answer is durable on the one side before it is on the other.
 */
final class Ownership {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);
  private static final long AGAIN_MILLIS = 1000;
  private static final long NAMED_NANOS = 100_000_000;
  private static final int MOST_REDIRECTS = 8;
  private static final int MOST_FLUSHES = 20;
  private static final long SHORT_FLUSH_NANOS = 2_000_000;
  private static final long FORCED_STEP = 0xffff;

  private final Core core;
  private final Moves moves;
  private final AtomicBoolean triggered = new AtomicBoolean();
  private @Nullable CompletableFuture<Void> activating;
  private volatile long notBefore;

  Ownership(Core core, Moves moves) {
    this.core = core;
    this.moves = moves;
    this.notBefore = core.now();
  }

  // ------------------------------------------------------------------ beginning

  /**
   * A host of this node changes the volume: under {@code auto} that is when a standby takes over.
   */
  void written() {
    ShareState s = core.state();
    if (s.role() != Role.STANDBY || s.manual() || !s.hasStore() || triggered.getAndSet(true)) {
      return;
    }
    activate(false)
        .whenComplete(
            (v, failure) -> {
              if (failure != null) {
                LOG.warn(
                    "volume {} is not taken over: {}",
                    core.suid(),
                    Failures.causeOf(failure).getMessage());
                later(() -> triggered.set(false));
              } else {
                triggered.set(false);
              }
            });
  }

  private void later(Runnable action) {
    core.parts().timer().schedule(action, AGAIN_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** After a start: what was begun before is ended. */
  void goOn() {
    if (core.state().wanted()) {
      takeAgain();
    }
  }

  /** Another node takes this one for the owner: an ask of this node was heard. */
  void named() {
    long now = core.now();
    // Every request of every host may say so while the answer is on its way.
    if (now - notBefore >= 0) {
      notBefore = now + NAMED_NANOS;
      takeAgain();
    }
  }

  /** A node can be reached: each tells the other what it knows, and what was begun goes on. */
  void up(String node) {
    ShareState s = core.state();
    if (s.owner().equals(node) || s.members().contains(node)) {
      tell(node);
    }
    if (s.wanted() && s.owner().equals(node)) {
      takeAgain();
    }
  }

  /** Tells a node what this one knows, and learns what that one knows; never fails. */
  CompletableFuture<Void> tell(String node) {
    ShareState s = core.state();
    ByteBuf owner = Unpooled.copiedBuffer(s.owner(), StandardCharsets.UTF_8);
    // The owner knows how much was lost; of others it is not believed.
    return call(
            node, LinkRequest.of(Op.SYNC, core.suid(), s.epoch(), s.losses(), 0).withPayload(owner))
        .handle(
            (reply, failure) -> {
              if (reply != null) {
                reply.payload().release();
                if (reply.status() == Status.STALE) {
                  core.learn(reply.text(), reply.epoch());
                }
              }
              return null;
            });
  }

  private void takeAgain() {
    try {
      core.begin("activated");
    } catch (ShareException e) {
      LOG.debug("{}", e.getMessage());
      return;
    }
    take(true)
        .whenComplete(
            (v, failure) -> {
              core.end();
              if (failure != null) {
                LOG.warn(
                    "volume {}: the hand-over is not ended yet: {}",
                    core.suid(),
                    Failures.causeOf(failure).getMessage());
                if (core.state().wanted()) {
                  later(this::goOn);
                }
              }
            });
  }

  /** One take at a time; who asks for what is under way waits for its end. */
  synchronized CompletableFuture<Void> activate(boolean force) {
    CompletableFuture<Void> running = activating;
    if (running != null && !running.isDone() && !force) {
      return running;
    }
    activating = begin(force);
    return activating;
  }

  private CompletableFuture<Void> begin(boolean force) {
    ShareState s = core.state();
    try {
      if (s.fence() != null) {
        throw new ShareException(
            Status.REFUSED, "volume " + core.suid() + " is fenced: " + s.fence());
      }
      if (s.role() == Role.OWNER) {
        return CompletableFuture.completedFuture(null);
      }
      core.requireStore();
      core.begin("activated");
    } catch (ShareException e) {
      return CompletableFuture.failedFuture(e);
    }
    boolean reachable = core.links().to(s.owner()).map(Link::isUp).orElse(false);
    CompletableFuture<Void> done =
        !reachable && (force || !s.wanted())
            ? refused(Status.REFUSED, "node " + s.owner() + " cannot be reached")
            : take(s.wanted());
    if (force) {
      done = done.handle((v, failure) -> failure).thenCompose(f -> f == null ? ok() : takeOver());
    }
    return done.whenComplete((v, failure) -> core.end());
  }

  private static CompletableFuture<Void> ok() {
    return CompletableFuture.completedFuture(null);
  }

  /** Whether the ownership was taken by force between two epochs. */
  static boolean isForcedBetween(long epoch, long later) {
    return (later | FORCED_STEP) > (epoch | FORCED_STEP);
  }

  CompletableFuture<Void> giveTo(String node) {
    ShareState s = core.state();
    if (s.role() != Role.OWNER || s.fence() != null) {
      return refused(Status.REFUSED, "node " + core.node() + " does not own volume " + core.suid());
    }
    return call(node, LinkRequest.of(Op.ACTIVATE, core.suid(), s.epoch(), 0, 0))
        .thenCompose(
            reply -> {
              reply.payload().release();
              return reply.isOk()
                  ? ok()
                  : refused(reply.status(), "node " + node + ": " + reply.text());
            });
  }

  private static <T> CompletableFuture<T> refused(Status status, String why) {
    return CompletableFuture.failedFuture(new ShareException(status, why));
  }

  private CompletableFuture<LinkReply> call(String node, LinkRequest request) {
    Link link = core.links().to(node).orElse(null);
    if (link == null) {
      request.payload().release();
      return refused(Status.IMPOSSIBLE, "node " + node + " is unknown here");
    }
    return link.call(request, Priority.CONTROL, core.ioTimeout());
  }

  // ------------------------------------------------------------------ taking

  /** One try to become the owner. */
  private static final class Try {
    /** What the owner knows it by. */
    final Giving.Asked asked;

    /** The owner may have given the ownership away to this node, and this node not know of it. */
    boolean uncertain;

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
  private CompletableFuture<Void> take(boolean asked) {
    Try attempt = new Try(moves.session(), asked);
    return moves
        .stop()
        .thenCompose(v -> core.update(s -> s.withWanted(true)))
        .thenCompose(v -> prepare(attempt, 0))
        .thenCompose(v -> NextMap.create(core, moves))
        .thenCompose(next -> fill(attempt, next))
        .whenComplete((v, failure) -> moves.resume())
        .handle(
            (v, failure) -> {
              if (failure == null) {
                return ok();
              }
              ShareException why = explained(failure);
              return attempt.uncertain
                  ? CompletableFuture.<Void>failedFuture(why)
                  : core.update(s -> s.withWanted(false))
                      .thenCompose(s -> CompletableFuture.<Void>failedFuture(why));
            })
        .thenCompose(v -> v);
  }

  private static ShareException explained(Throwable failure) {
    Throwable cause = Failures.causeOf(failure);
    return cause instanceof ShareException e
        ? e
        : new ShareException(Status.REFUSED, String.valueOf(cause.getMessage()));
  }

  /** Has the owner flush while it serves; finds out who the owner is. */
  private CompletableFuture<Void> prepare(Try attempt, int redirects) {
    ShareState s = core.state();
    LinkRequest request = LinkRequest.of(Op.PREPARE, core.suid(), s.epoch(), 0, 0);
    return call(s.owner(), request.withFlags(flags(s)).withPayload(attempt.asked.write()))
        .thenCompose(
            reply -> {
              reply.payload().release();
              return switch (reply.status()) {
                case OK -> ok();
                case STALE -> redirected(attempt, reply.text(), reply.epoch(), redirects);
                default -> refused(reply.status(), "node " + s.owner() + ": " + reply.text());
              };
            });
  }

  private CompletableFuture<Void> redirected(Try attempt, String owner, long epoch, int redirects) {
    if (owner.equals(core.node())) {
      return ok(); // An earlier ask was heard; the next one gets its answer again.
    }
    if (redirects == MOST_REDIRECTS) {
      return refused(Status.REFUSED, "the owner changes faster than it can be asked");
    }
    core.learn(owner, epoch);
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
        .thenCompose(v -> settle(0, Long.MAX_VALUE))
        .thenCompose(v -> core.inner().suspend(core.ioTimeout(), core.parts().timer()))
        .thenCompose(v -> wantStill())
        .thenCompose(s -> ask(s, attempt, next))
        .handle(
            (v, failure) ->
                failure == null
                    ? ok()
                    : next.remove()
                        .handle((w, f) -> null)
                        .thenCompose(w -> CompletableFuture.<Void>failedFuture(failure)))
        .thenCompose(v -> v);
  }

  /**
   * Has the owner flush again, as long as that makes the next flush shorter: what hosts write while
   * one runs is what the next one has to do, and the last one runs while they are held.
   */
  private CompletableFuture<Void> settle(int round, long before) {
    ShareState s = core.state();
    long began = core.now();
    return call(s.owner(), LinkRequest.of(Op.FLUSH, core.suid(), s.epoch(), 0, 0))
        .thenCompose(
            reply -> {
              reply.payload().release();
              if (!reply.isOk() && reply.status() != Status.STALE) {
                return refused(reply.status(), "node " + s.owner() + ": " + reply.text());
              }
              long took = core.now() - began;
              boolean shrinks = took > SHORT_FLUSH_NANOS && took < before / 8 * 7;
              return reply.isOk() && shrinks && round < MOST_FLUSHES
                  ? settle(round + 1, took)
                  : ok();
            });
  }

  private CompletableFuture<LinkReply> differences(Try attempt, long from) {
    ShareState s = core.state();
    long blockSize = core.parts().blockSize();
    LinkRequest request =
        LinkRequest.of(Op.DIFFERENCES, core.suid(), s.epoch(), from * blockSize, 0);
    return call(s.owner(), request.withFlags(flags(s)).withPayload(attempt.asked.write()));
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
      return refused(Status.REFUSED, "the owner has changed meanwhile; ask again");
    }
    boolean before = attempt.uncertain;
    attempt.uncertain = true;
    LinkRequest request =
        LinkRequest.of(Op.HANDOVER, core.suid(), s.epoch(), 0, 0)
            .withFlags(flags(s))
            .withPayload(attempt.asked.write());
    return call(s.owner(), request)
        .handle(
            (reply, failure) -> {
              if (failure != null) {
                Throwable cause = Failures.causeOf(failure);
                boolean unheard =
                    cause instanceof ShareException
                        || (cause instanceof LinkException e && e.unsent());
                attempt.uncertain = before || !unheard;
              } else if (!reply.isOk()) {
                // Should an earlier ask be heard all the same, the owner's requests tell of it.
                attempt.uncertain = false;
              }
              return failure == null
                  ? answered(s, attempt, reply, next)
                  : CompletableFuture.<Void>failedFuture(Failures.causeOf(failure));
            })
        .thenCompose(v -> v)
        .handle(
            (v, failure) -> {
              if (failure != null) {
                core.unseal();
                core.inner().resume();
                throw Failures.of(failure);
              }
              long stall = core.switchRole();
              core.state().members().forEach(this::tell);
              core.handedOver(stall);
              LOG.info(
                  "volume {}: owned here, epoch {}; hosts were held for {} us",
                  core.suid(),
                  core.state().epoch(),
                  stall / 1000);
              return null;
            });
  }

  private CompletableFuture<Void> answered(
      ShareState s, Try attempt, LinkReply reply, NextMap next) {
    ByteBuf payload = reply.payload();
    try {
      if (reply.status() == Status.STALE) {
        core.learn(reply.text(), reply.epoch());
        return refused(Status.REFUSED, "node " + reply.text() + " owns it by now");
      }
      if (!reply.isOk()) {
        return refused(reply.status(), "node " + s.owner() + ": " + reply.text());
      }
      HandoverAnswer answer = HandoverAnswer.read(payload, core.requireStore().blocks());
      long losses = Math.max(answer.losses(), core.unflushed().latest());
      String source = NodeSource.name(s.owner());
      return next.complete(answer, from -> differences(attempt, from))
          .thenCompose(
              v ->
                  become(
                      s,
                      next.map(),
                      s.owned(core.node(), reply.epoch(), losses, core.parts().boot())
                          .withMembers(others(answer.members(), s.owner()))
                          .withSources(source, next.base(s, source), next.number())));
    } catch (IllegalArgumentException e) {
      return refused(Status.ERROR, "node " + s.owner() + ": " + e.getMessage());
    } finally {
      payload.release();
    }
  }

  private CompletableFuture<Void> become(ShareState asked, BlockMap map, ShareState owned) {
    LayeredStore store = core.requireStore();
    long before = asked.map();
    return core.seal()
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
              store.map(map);
              moves.forgetAhead();
              core.connectSource(s);
              // A fetch of before that has just come is kept for the old map, or not at all.
              CompletableFuture<Void> quiet = store.quiet();
              if (old != null) {
                quiet
                    .thenCompose(v -> old.close())
                    .thenCompose(v -> core.parts().log().remove(before));
              }
              return quiet;
            });
  }

  private List<String> others(List<String> members, String former) {
    List<String> all = new ArrayList<>(members);
    all.remove(core.node());
    if (!all.contains(former)) {
      all.add(former);
    }
    return all;
  }

  /** Becomes the owner without asking: the operator says that the owner is stopped. */
  private CompletableFuture<Void> takeOver() {
    ShareState s = core.state();
    if (s.role() == Role.OWNER) {
      return ok();
    }
    LOG.warn(
        "volume {}: taken over by force from node {}, which could not be asked",
        core.suid(),
        s.owner());
    if (core.inner().handler() instanceof Forwarder forwarder) {
      forwarder.abandon();
    }
    return moves
        .abandon()
        .thenCompose(v -> core.hold())
        .thenCompose(v -> core.seal())
        .thenCompose(
            v ->
                core.update(
                    now -> {
                      long epoch = (now.epoch() | FORCED_STEP) + 1;
                      // What the old owner has lost is not known here, nor what it had counted.
                      long losses = Math.max(core.unflushed().latest() + 1, epoch);
                      ShareState owned =
                          now.owned(core.node(), epoch, losses, core.parts().boot())
                              .withMembers(others(now.members(), now.owner()));
                      return now.role() == Role.STANDBY
                          ? owned.withSources(NodeSource.name(now.owner()), null, now.map())
                          : owned;
                    }))
        .handle(
            (v, failure) -> {
              if (failure != null) {
                core.unseal();
                if (core.inner().state() == VolumeState.SUSPENDED) {
                  core.inner().resume();
                }
                moves.resume();
                throw Failures.of(explained(failure));
              }
              core.connectSource(core.state());
              core.state().members().forEach(this::tell);
              core.handedOver(core.switchRole());
              moves.resume();
              return null;
            });
  }
}
