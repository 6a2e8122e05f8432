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
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
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
 *  PREPARE ───────────────────────────────────▶ flushes while it serves
 *  holds its hosts, lets what it forwarded end
 *  HANDOVER ──────────────────────────────────▶ holds its hosts, lets all end, flushes the rest
 *                                               FORMER, owner := taker, epoch + 1, durably
 *  OWNER, epoch + 1, source := owner ◀───────── what is valid
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

  /** Tells a node what this one knows, and learns what that one knows. */
  private void tell(String node) {
    ShareState s = core.state();
    ByteBuf owner = Unpooled.copiedBuffer(s.owner(), StandardCharsets.UTF_8);
    call(node, LinkRequest.of(Op.SYNC, core.suid(), s.epoch(), 0, 0).withPayload(owner))
        .whenComplete(
            (reply, failure) -> {
              if (reply != null) {
                reply.payload().release();
                if (reply.status() == Status.STALE) {
                  core.learn(reply.text(), reply.epoch());
                }
              }
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
    /** The owner may have given the ownership away to this node, and this node not know of it. */
    boolean uncertain;

    Try(boolean uncertain) {
      this.uncertain = uncertain;
    }
  }

  /**
   * Asks the owner, and becomes it.
   *
   * @param asked an earlier ask may have been heard already
   */
  private CompletableFuture<Void> take(boolean asked) {
    Try attempt = new Try(asked);
    return core.update(s -> s.withWanted(true))
        .thenCompose(s -> prepare(0))
        .thenCompose(v -> newMap())
        .thenCompose(next -> ask(attempt, next))
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
  private CompletableFuture<Void> prepare(int redirects) {
    ShareState s = core.state();
    return call(s.owner(), LinkRequest.of(Op.PREPARE, core.suid(), s.epoch(), 0, 0))
        .thenCompose(
            reply -> {
              reply.payload().release();
              return switch (reply.status()) {
                case OK -> ok();
                case STALE -> redirected(reply.text(), reply.epoch(), redirects);
                default -> refused(reply.status(), "node " + s.owner() + ": " + reply.text());
              };
            });
  }

  private CompletableFuture<Void> redirected(String owner, long epoch, int redirects) {
    if (owner.equals(core.node())) {
      return ok(); // An earlier ask was heard; the next one gets its answer again.
    }
    if (redirects == MOST_REDIRECTS) {
      return refused(Status.REFUSED, "the owner changes faster than it can be asked");
    }
    core.learn(owner, epoch);
    return core.update(s -> s.withWanted(true)).thenCompose(s -> prepare(redirects + 1));
  }

  /** A map that no state names yet. */
  private record NewMap(long number, BlockMap map) {}

  /** The map that this node will need as the owner, where that is not the one it has. */
  private CompletableFuture<Optional<NewMap>> newMap() {
    ShareState s = core.state();
    if (s.role() == Role.STANDBY) {
      return CompletableFuture.completedFuture(Optional.empty());
    }
    if (s.base() != null && missing(core.requireStore())) {
      return refused(
          Status.REFUSED,
          "what is not on this node comes from " + s.source() + " and " + s.base() + ": too many");
    }
    long number = s.epoch() + 1;
    return core.parts()
        .log()
        .create(number, BlockMap.NOT_HERE)
        .thenApply(map -> Optional.of(new NewMap(number, map)));
  }

  private CompletableFuture<Void> ask(Try attempt, Optional<NewMap> next) {
    return moves
        .stop()
        .thenCompose(v -> core.inner().suspend(core.ioTimeout(), core.parts().timer()))
        .thenCompose(v -> wantStill())
        .thenCompose(s -> askHeld(s, attempt, next.orElse(null)))
        .handle(
            (v, failure) -> {
              moves.resume();
              if (failure == null) {
                return ok();
              }
              CompletableFuture<Void> removed =
                  next.isEmpty()
                      ? ok()
                      : next.get()
                          .map
                          .close()
                          .thenCompose(w -> core.parts().log().remove(next.get().number));
              return removed
                  .handle((w, f) -> null)
                  .thenCompose(w -> CompletableFuture.<Void>failedFuture(failure));
            })
        .thenCompose(v -> v);
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

  private CompletableFuture<Void> askHeld(ShareState s, Try attempt, @Nullable NewMap next) {
    if (next != null && next.number != s.epoch() + 1) {
      core.inner().resume();
      return refused(Status.REFUSED, "the owner has changed meanwhile; ask again");
    }
    boolean before = attempt.uncertain;
    attempt.uncertain = true;
    ByteBuf payload = Payloads.buffer(8).writeLong(moves.session());
    LinkRequest request =
        LinkRequest.of(Op.HANDOVER, core.suid(), s.epoch(), 0, 0)
            .withFlags(s.role() == Role.FORMER ? Giving.FORMER : 0)
            .withPayload(payload);
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
                  ? answered(s, reply, next)
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

  private CompletableFuture<Void> answered(ShareState s, LinkReply reply, @Nullable NewMap next) {
    ByteBuf payload = reply.payload();
    try {
      if (reply.status() == Status.STALE) {
        core.learn(reply.text(), reply.epoch());
        return refused(Status.REFUSED, "node " + reply.text() + " owns it by now");
      }
      if (!reply.isOk()) {
        return refused(reply.status(), "node " + s.owner() + ": " + reply.text());
      }
      LayeredStore store = core.requireStore();
      HandoverAnswer answer = HandoverAnswer.read(payload, store.blocks());
      ShareState owned =
          s.withRole(Role.OWNER, core.node(), reply.epoch())
              .withMembers(others(answer.members(), s.owner()));
      String source = NodeSource.name(s.owner());
      if (next == null) {
        BlockMap map = store.map();
        if (map == null || answer.returned()) {
          return refused(Status.ERROR, "the answer of node " + s.owner() + " does not fit");
        }
        moves.received(answer.runs()).forEach(r -> map.hydrated(r.from(), r.end()));
        return become(s, store, map, owned.withSources(source, null, s.map()));
      }
      if (answer.returned()) {
        carryOver(store, answer.runs(), next.map);
        setApart(answer.absent(), next.map);
      }
      ShareState to =
          owned.withSources(source, answer.returned() ? base(s, store, source) : null, next.number);
      // What is valid was flushed when this node gave the ownership away, or by the owner that made
      // it the same since.
      return next.map.commit(Ownership::ok).thenCompose(v -> become(s, store, next.map, to));
    } catch (IllegalArgumentException e) {
      return refused(Status.ERROR, "node " + s.owner() + ": " + e.getMessage());
    } finally {
      payload.release();
    }
  }

  /** Where what neither this node nor the owner has comes from. */
  private static @Nullable String base(ShareState s, LayeredStore store, String source) {
    return missing(store) && !source.equals(s.source()) ? s.source() : null;
  }

  private static boolean missing(LayeredStore store) {
    BlockMap map = store.map();
    return map != null && map.here() < map.blocks();
  }

  /** What was here stays here, but for what the owner changed since. */
  private static void carryOver(LayeredStore store, List<Run> changed, BlockMap next) {
    long at = 0;
    List<Run> all = new ArrayList<>(changed);
    all.add(new Run(store.blocks(), store.blocks() + 1));
    BlockMap old = store.map();
    for (Run r : all) {
      while (at < r.from()) {
        long to = old == null ? r.from() : old.runEnd(at, r.from());
        int state = old == null ? BlockMap.SAME : old.state(at);
        if (state == BlockMap.ZERO) {
          next.zeroed(at, to);
        } else if (state != BlockMap.NOT_HERE) {
          next.hydrated(at, to);
        }
        at = to;
      }
      at = r.end();
    }
  }

  /** What the old owner never had differs from its store: it is not to be looked for there. */
  private static void setApart(List<Run> absent, BlockMap next) {
    for (Run r : absent) {
      for (long b = next.next(BlockMap.SAME, r.from(), r.end()); b < r.end(); ) {
        long to = next.runEnd(b, r.end());
        next.written(b, to);
        b = next.next(BlockMap.SAME, to, r.end());
      }
    }
  }

  private CompletableFuture<Void> become(
      ShareState asked, LayeredStore store, BlockMap map, ShareState owned) {
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
              BlockMap old = store.map();
              store.map(map);
              core.connectSource(s);
              // A fetch of before that has just come is kept for the old map, or not at all.
              CompletableFuture<Void> quiet = store.quiet();
              if (old != null && old != map) {
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
        .stop()
        .thenCompose(v -> core.hold())
        .thenCompose(v -> core.seal())
        .thenCompose(
            v ->
                core.update(
                    now -> {
                      ShareState owned =
                          now.withRole(Role.OWNER, core.node(), (now.epoch() | FORCED_STEP) + 1)
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
