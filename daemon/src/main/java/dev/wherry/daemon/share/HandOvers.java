package dev.wherry.daemon.share;

import dev.wherry.daemon.node.NodeRegistry;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code volume activate}, {@code return} and {@code release}: the ownership at an operator's word,
 * and the end of what a former owner keeps. Blocks.
 */
public final class HandOvers {
  private static final Logger log = LoggerFactory.getLogger(HandOvers.class);

  /** How long the ownership may take to change hands; less than what the command line waits. */
  private static final Duration LIMIT = Duration.ofMinutes(2);

  private final VolumeRegistry registry;
  private final NodeRegistry nodes;
  private final Standing standing;
  private final LiveSwap swap;

  HandOvers(VolumeRegistry registry, NodeRegistry nodes, Standing standing, LiveSwap swap) {
    this.registry = registry;
    this.nodes = nodes;
    this.standing = standing;
    this.swap = swap;
  }

  /**
   * Takes the ownership. Nothing is to be done where it is here.
   *
   * @param force although the owner cannot be asked; where this node is fenced, back from a
   *     successor that is lost
   * @param inconsistent by force also where what is here is of no one time
   */
  public VolumeEntry activate(String suid, boolean force, boolean inconsistent) {
    VolumeEntry entry = registry.get(suid);
    entry.awaitServed();
    SharedVolume engine = entry.engine();
    if (engine == null) {
      standing.requireOwned(entry, "activated at");
      return entry;
    }
    ShareState state = engine.state();
    if (!force && state.role() != Role.OWNER) {
      nodes.awaitAnswer(state.owner());
    }
    boolean fenced = state.fence() != null;
    if (!fenced || entry.leaving()) {
      Standing.requireServed(entry);
    }
    if (state.role() != Role.OWNER && !state.hasStore()) {
      throw Refusal.conflict(
          "node "
              + nodes.self().name()
              + " keeps nothing of volume "
              + suid
              + (state.role() == Role.FORMER
                  ? " since it was released; share it with "
                      + nodes.self().name()
                      + " again, on node "
                      + state.owner()
                  : ", so it cannot own it"));
    }
    if (state.role() != Role.OWNER || fenced) {
      Refusals.await(engine.activate(force, inconsistent), LIMIT, "the activation");
      log.info(
          "volume {}: this node took the ownership{}{}",
          suid,
          fenced ? " back" : "",
          force ? " by force" : "");
    }
    return entry;
  }

  /** Gives the ownership, with all changes, to another node. */
  public VolumeEntry giveBack(String suid, String to) {
    VolumeEntry entry = registry.get(suid);
    entry.awaitServed();
    standing.requireOwned(entry, "returned by");
    ShareState state = standing.of(entry);
    if (to.equals(nodes.self().name())) {
      throw Refusal.conflict("node " + to + " owns volume " + suid + " already");
    }
    if (!state.members().contains(to)) {
      throw nodes.knows(to)
          ? Refusal.conflict("node " + to + " has no part in volume " + suid)
          : new Refusal(Refusal.Kind.UNKNOWN, "node " + to + " is unknown");
    }
    SharedVolume engine = entry.engine();
    if (engine == null) {
      throw Refusal.conflict("volume " + suid + " is " + entry.state());
    }
    nodes.awaitOnline(to);
    Refusals.await(engine.giveTo(to), LIMIT, "the return");
    log.info("volume {}: the ownership went to node {}", suid, to);
    return entry;
  }

  /** Frees what is kept here and needed by nobody any more. */
  public VolumeEntry release(String suid) {
    VolumeEntry entry = registry.get(suid);
    entry.awaitServed();
    entry.begin("released");
    try {
      Standing.requireServed(entry);
      SharedVolume engine = entry.engine();
      if (engine == null) {
        throw Refusal.conflict(
            "volume " + suid + " is owned by this node, which has no former owner's blocks of it");
      }
      ShareState state = engine.state();
      if (state.role() == Role.STANDBY) {
        throw Refusal.conflict(
            "node "
                + nodes.self().name()
                + " is a standby of volume "
                + suid
                + ": unshare it at its owner, node "
                + state.owner());
      }
      if (state.role() == Role.FORMER && !state.hasStore()) {
        return entry;
      }
      BlockDevice store = Refusals.await(engine.release(), LIMIT, "the release");
      if (store != null) {
        swap.dropStore(entry, store);
      }
      log.info("volume {} released", suid);
      return entry;
    } finally {
      entry.end();
    }
  }
}
