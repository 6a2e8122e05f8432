package dev.wherry.path.shared;

import dev.wherry.path.VolumeState;
import dev.wherry.path.link.LinkReply.Status;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A fenced node takes the ownership back, at the operator's word that its successor is lost for
 * good.
 *
 * <pre>
 *  a  owns 1 ── fenced: b owns 65536 ──────────── back: owns 131072 ──────────────▶
 *  b            owns 65536, by force ── lost … if it comes back all the same: fenced
 *                                       what hosts wrote here is given up
 * </pre>
 *
 * Who can be reached is asked first: a node that owns the volume and answers is no lost one, and
 * nothing is taken from it; and an epoch that somebody has heard of is not given once more. Then it
 * is one commit, in which the fence ends and the new epoch begins: a crash leaves the node fenced
 * or the owner. What hosts of other nodes have not flushed at the successor counts as lost.
 */
final class TakingBack {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  private final Core core;
  private final Moves moves;
  private final Peers peers;

  TakingBack(Core core, Moves moves, Peers peers) {
    this.core = core;
    this.moves = moves;
    this.peers = peers;
  }

  /** Why a fenced node does not become the owner just like that, and what it would cost. */
  String refusal(ShareState s) {
    Successor by = s.successor();
    String other = by == null ? "the node that owns it" : "node " + by.node();
    StringBuilder text = new StringBuilder("volume " + core.suid() + " is fenced: " + s.fence());
    Divergence only = core.fence().divergence();
    if (only != null) {
      text.append("; ").append(only);
    }
    text.append(". If ")
        .append(other)
        .append(" is lost for good, --force --yes takes the ownership back: what hosts have")
        .append(" written since this node was fenced is given up");
    if (isSourceGone(s) && core.store() != null) {
      SharedVolume.Blocks b = core.blocks();
      if (b.here() < b.total()) {
        text.append(", and so are ")
            .append(b.total() - b.here())
            .append(" blocks that are not here and come from a store that was changed since");
      }
    }
    return text.toString();
  }

  private static boolean isSourceGone(ShareState s) {
    Successor by = s.successor();
    return by != null && by.source() != Successor.Source.UNTOUCHED;
  }

  /** Takes it; nobody else changes the volume's place meanwhile. */
  CompletableFuture<Void> take() {
    return core.fence()
        .still()
        .thenCompose(why -> new Inquiry(core, peers).all())
        .thenCompose(this::refuseIfOwned)
        .thenCompose(
            v -> {
              if (core.inner().state() == VolumeState.FAILED) {
                throw new ShareException(
                    Status.REFUSED,
                    "volume "
                        + core.suid()
                        + " failed at node "
                        + core.node()
                        + " when it was fenced; its daemon is to be started anew first");
              }
              return back();
            });
  }

  private CompletableFuture<Void> refuseIfOwned(Inquiry all) {
    Successor by = core.state().successor();
    Heard owner = all.owner(by == null ? 1 : by.epoch());
    return owner == null
        ? Peers.ok()
        : Peers.refused(
            Status.REFUSED,
            "node "
                + owner.from()
                + " owns volume "
                + core.suid()
                + " in epoch "
                + owner.epoch()
                + " and can be reached: nothing is taken from it by force while it runs");
  }

  // ------------------------------------------------------------------ back

  private CompletableFuture<Void> back() {
    Divergence only = core.fence().divergence();
    ShareState before = core.state();
    AtomicBoolean held = new AtomicBoolean();
    return moves
        .stop()
        .thenCompose(v -> core.hold())
        .thenRun(() -> held.set(true))
        .thenCompose(v -> core.update(this::owned))
        .handle(
            (s, failure) -> {
              if (failure != null) {
                if (held.get() && core.inner().state() == VolumeState.SUSPENDED) {
                  core.inner().resume();
                }
                moves.resume();
                throw Failures.of(Taking.explained(failure));
              }
              LOG.warn(
                  "volume {}: taken back by force, epoch {}; what hosts have written since it was"
                      + " fenced ({}) is given up{}; {}",
                  core.suid(),
                  s.epoch(),
                  before.fence(),
                  isSourceGone(before)
                      ? ", and what is not here and was to come from " + before.source()
                      : "",
                  only);
              // What standbys were sent before is theirs to ask for anew.
              core.marks().clear();
              core.connectSource(s);
              core.lastHandover().note(core.presentRole().switchRole());
              peers.tellAll();
              moves.resume();
              return null;
            });
  }

  private ShareState owned(ShareState now) {
    if (now.fence() == null) {
      throw new ShareException(Status.REFUSED, "volume " + core.suid() + " is not fenced any more");
    }
    Successor by = now.successor();
    long epoch =
        Ownership.forcedAfter(by == null ? now.epoch() : Math.max(now.epoch(), by.epoch()));
    // What the successor has lost is not known here, nor what it had counted.
    long losses = Math.max(core.unflushed().latest() + 1, epoch);
    return now.takenBack(
        core.node(), epoch, losses, core.parts().boot(), core.unflushed().owes(losses));
  }
}
