package dev.wherry.path.shared;

import dev.wherry.path.VolumeState;
import dev.wherry.path.link.LinkReply.Status;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node takes the ownership by force, at the operator's word that the owner, which cannot be
 * asked, is stopped. Who can be reached is asked first: nothing is taken from a node that owns the
 * volume by now, or that has all of it.
 *
 * <p>Safe on any thread; never blocks. One at a time, and nothing else changes the volume's place.
 */
final class TakingOver {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  private final Core core;
  private final Moves moves;
  private final Peers peers;
  private final Taking taking;

  TakingOver(Core core, Moves moves, Peers peers, Taking taking) {
    this.core = core;
    this.moves = moves;
    this.peers = peers;
    this.taking = taking;
  }

  /**
   * Takes it unless a node that can be reached owns it by now, or has all of it.
   *
   * @param known the epoch that this node knew of when it was told to
   * @param inconsistent also where what is here is of no one time
   */
  CompletableFuture<Void> take(long known, boolean inconsistent) {
    return new Inquiry(core, peers)
        .all()
        .thenCompose(all -> all.refuseIfOwnedAfter(known))
        .thenCompose(Inquiry::refuseIfKept)
        .thenCompose(all -> takeOver(all.latest(), inconsistent));
  }

  private CompletableFuture<Void> requireOneTime() {
    String damage = core.receiving().damage();
    return damage == null
        ? Peers.ok()
        : Peers.refused(
            Status.REFUSED,
            "what node "
                + core.node()
                + " keeps of volume "
                + core.suid()
                + " is of no one time: "
                + damage
                + "; --force --inconsistent takes it as it is");
  }

  /**
   * Becomes the owner without asking the present one: the operator says that it is stopped.
   *
   * @param latest the latest epoch that any node has heard of
   */
  private CompletableFuture<Void> takeOver(long latest, boolean inconsistent) {
    ShareState s = core.state();
    if (s.role() == Role.OWNER) {
      return Peers.ok();
    }
    LOG.warn(
        "volume {}: taken over by force from node {}, which could not be asked",
        core.suid(),
        s.owner());
    CompletableFuture<Void> abandoned = moves.abandon();
    AtomicBoolean held = new AtomicBoolean();
    return core.receiving()
        .seal()
        .thenCompose(v -> inconsistent ? Peers.ok() : requireOneTime())
        .thenCompose(v -> abandoned)
        .thenCompose(
            v -> {
              if (core.inner().handler() instanceof Forwarder forwarder) {
                forwarder.abandon();
              }
              return core.hold();
            })
        .thenRun(
            () -> {
              held.set(true);
              disown();
            })
        .thenCompose(
            v ->
                core.update(
                    now -> {
                      long epoch = Ownership.forcedAfter(Math.max(now.epoch(), latest));
                      // What the old owner has lost is not known here, nor what it had counted.
                      long losses = Math.max(core.unflushed().latest() + 1, epoch);
                      ShareState owned =
                          taking
                              .owned(now, epoch, losses)
                              .withMembers(taking.others(now.members(), now.owner()));
                      return now.role() == Role.STANDBY
                          ? owned.withSources(NodeSource.name(now.owner()), null, now.map())
                          : owned;
                    }))
        .handle(
            (v, failure) -> {
              if (failure != null) {
                core.receiving().unseal();
                forwardAgain();
                // Hosts that somebody else holds, such as a fence that goes up, are not let go.
                if (held.get() && core.inner().state() == VolumeState.SUSPENDED) {
                  core.inner().resume();
                }
                moves.resume();
                throw Failures.of(Taking.explained(failure));
              }
              core.connectSource(core.state());
              String without = Without.ofOwner(core);
              if (without != null) {
                LOG.warn("volume {}: taken over by force, but {}", core.suid(), without);
              }
              peers.tellAll();
              core.lastHandover().note(core.presentRole().switchRole());
              moves.resume();
              return null;
            });
  }

  /** What the owner says no more of, or too late, was not answered by an owner. */
  private void disown() {
    if (core.inner().handler() instanceof Forwarder forwarder) {
      forwarder.disown();
    }
  }

  /** Hosts' requests go to the owner again, where nobody else has become it. */
  void forwardAgain() {
    if (core.inner().handler() instanceof Forwarder forwarder) {
      forwarder.goOn();
    }
  }
}
