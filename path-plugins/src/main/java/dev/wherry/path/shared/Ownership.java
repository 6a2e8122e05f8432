package dev.wherry.path.shared;

import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
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
 *  PREPARE ───────────────────────────────────▶ flushes while it serves, then notes what changes
 *  DIFFERENCES ───────────────────────────────▶
 *  fills its next map, durably ◀─────────────── what its store has, stretch by stretch
 *  FLUSH, until one is short ─────────────────▶ flushes while it serves
 *  PLEDGE ────────────────────────────────────▶ promises it to the taker, durably
 *  holds its hosts, lets what it forwarded end
 *  HANDOVER ──────────────────────────────────▶ holds its hosts, lets all end, flushes the rest
 *  OWNER, epoch + 1, source := owner ◀───────── what has changed since
 *  durably; its hosts go on                     FORMER, owner := taker, epoch + 1; its hosts go
 *                                               on, to the taker; durable soon after
 * </pre>
 *
 * A taker whose HANDOVER was not answered asks again, also after a restart, as long as it remembers
 * that it wanted; the same question gets the same answer. Until then nobody can write, and nobody
 * but the two knows. An owner that crashes with a promise has kept it: it comes back as a former
 * owner. One that lives may take it back, and does when nobody has come for it.
 */
final class Ownership {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);
  private static final long AGAIN_MILLIS = 1000;
  private static final long NAMED_NANOS = 100_000_000;
  private static final long FORCED_STEP = 0xffff;

  private final Core core;
  private final Starting starting;
  private final Peers peers;
  private final Taking taking;
  private final TakingOver over;
  private final TakingBack back;
  private final AtomicBoolean triggered = new AtomicBoolean();
  private final AtomicBoolean goesOn = new AtomicBoolean();
  private @Nullable CompletableFuture<Void> activating;

  /** The end of the last time that the owner was asked; never fails. */
  private CompletableFuture<Void> asked = Peers.ok();

  /** How many wait for that, to take the ownership by force. */
  private int forcing;

  private volatile long notBefore;

  Ownership(Core core, Moves moves, Starting starting) {
    this.core = core;
    this.starting = starting;
    this.peers = new Peers(core);
    this.taking = new Taking(core, moves, peers);
    this.over = new TakingOver(core, moves, peers, taking);
    this.back = new TakingBack(core, moves, peers);
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
    activate(false, false)
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
    if (core.state().wanted() && !core.isClosing()) {
      takeAgain();
    }
  }

  private void goOnLater() {
    if (core.state().wanted() && !goesOn.getAndSet(true)) {
      later(
          () -> {
            goesOn.set(false);
            goOn();
          });
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
    // Also one that is no member here: it may own the volume by now, or have been given a part.
    peers.tell(node);
    if (s.wanted() && s.owner().equals(node)) {
      takeAgain();
    }
  }

  /** This node has learned of another owner, who may not know of this one. */
  void learned() {
    ShareState s = core.state();
    if (core.inner().handler() instanceof Forwarder forwarder) {
      forwarder.ownerLearned();
    }
    if (s.role() != Role.OWNER && core.isUp(s.owner())) {
      peers.tell(s.owner());
    }
  }

  /** What is asked of others, and told. */
  Peers peers() {
    return peers;
  }

  /** See {@link Peers#tell}. */
  CompletableFuture<Void> tell(String node) {
    return peers.tell(node);
  }

  /** An owner that cannot be reached is not asked: nothing else could be done meanwhile. */
  private synchronized void takeAgain() {
    if (forcing > 0 || !core.isUp(core.state().owner())) {
      goOnLater();
      return;
    }
    try {
      core.turns().begin("activated");
    } catch (ShareException e) {
      LOG.debug("{}", e.getMessage());
      return;
    }
    asked =
        taking
            .take(true)
            .handle(
                (v, failure) -> {
                  core.turns().end();
                  if (failure != null) {
                    LOG.warn(
                        "volume {}: the hand-over is not ended yet: {}",
                        core.suid(),
                        Failures.causeOf(failure).getMessage());
                    goOnLater();
                  }
                  return null;
                });
  }

  /**
   * One take at a time; who asks for what is under way waits for its end. Force does not wait for
   * an owner: what asks it is told to give up.
   */
  synchronized CompletableFuture<Void> activate(boolean force, boolean inconsistent) {
    CompletableFuture<Void> running = activating;
    if (running != null && !running.isDone() && !force) {
      return running;
    }
    activating = force ? force(inconsistent) : begin(false, false);
    return activating;
  }

  private CompletableFuture<Void> force(boolean inconsistent) {
    if (asked.isDone()) {
      return begin(true, inconsistent);
    }
    forcing++;
    if (!core.isUp(core.state().owner()) && core.inner().handler() instanceof Forwarder forwarder) {
      forwarder.abandon(); // The hosts' requests end then, that the take may be waiting for.
    }
    taking.stop();
    return asked
        .thenCompose(v -> begin(true, inconsistent))
        .whenComplete(
            (v, failure) -> {
              forced();
              if (failure != null) {
                over.forwardAgain();
              }
            });
  }

  private synchronized void forced() {
    forcing--;
  }

  private CompletableFuture<Void> begin(boolean force, boolean inconsistent) {
    if (isHere(core.state())) {
      return Peers.ok();
    }
    CompletableFuture<Void> ended =
        core.turns()
            .take("activated", () -> take(force, inconsistent))
            // It is wanted still where it may have been given already.
            .whenComplete((v, failure) -> goOnLater());
    if (!force) {
      asked = ended.handle((v, failure) -> null);
    }
    return ended;
  }

  private static boolean isHere(ShareState s) {
    return s.role() == Role.OWNER && s.fence() == null;
  }

  /** Nothing else changes the volume's place; what did may have brought the ownership here. */
  private CompletableFuture<Void> take(boolean force, boolean inconsistent) {
    ShareState s = core.state();
    if (isHere(s)) {
      return Peers.ok();
    }
    if (!starting.isOver()) {
      return starting.soonOver().thenCompose(v -> take(force, inconsistent));
    }
    if (s.fence() != null) {
      return force ? takeBack() : Peers.refused(Status.REFUSED, back.refusal(s));
    }
    core.requireStore();
    if (!force && isForcing()) {
      return Peers.refused(Status.REFUSED, "it is being taken over by force");
    }
    CompletableFuture<Void> done =
        !core.isUp(s.owner()) && (force || !s.wanted())
            ? Peers.refused(Status.REFUSED, unreachable(s))
            : taking.take(s.wanted());
    return force
        ? done.handle((v, failure) -> failure)
            .thenCompose(f -> f == null ? Peers.ok() : over.take(s.epoch(), inconsistent))
        : done;
  }

  private CompletableFuture<Void> takeBack() {
    core.requireStore();
    return back.take();
  }

  private synchronized boolean isForcing() {
    return forcing > 0;
  }

  private String unreachable(ShareState s) {
    String without = Without.ofFormer(core);
    return "node "
        + s.owner()
        + " cannot be reached"
        + (without == null ? "" : "; here, " + without);
  }

  /** Whether the ownership was taken by force between two epochs. */
  static boolean isForcedBetween(long epoch, long later) {
    return (later | FORCED_STEP) > (epoch | FORCED_STEP);
  }

  /** Whether an epoch began with a take-over by force. */
  static boolean isByForce(long epoch) {
    return (epoch & FORCED_STEP) == 0;
  }

  /** The epoch of a node that takes the ownership by force, and knows of this one. */
  static long forcedAfter(long epoch) {
    return (epoch | FORCED_STEP) + 1;
  }

  CompletableFuture<Void> giveTo(String node) {
    ShareState s = core.state();
    if (s.role() != Role.OWNER || s.fence() != null) {
      return Peers.refused(
          Status.REFUSED, "node " + core.node() + " does not own volume " + core.suid());
    }
    return starting
        .soonOver()
        .thenCompose(
            v ->
                peers.call(
                    node, LinkRequest.of(Op.ACTIVATE, core.suid(), core.state().epoch(), 0, 0)))
        .thenCompose(
            reply -> {
              reply.payload().release();
              return reply.isOk()
                  ? Peers.ok()
                  : Peers.refused(reply.status(), "node " + node + ": " + reply.text());
            });
  }
}
