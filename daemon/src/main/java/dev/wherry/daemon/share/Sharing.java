package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.node.NodeRegistry;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.Op;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code volume share} and {@code unshare}: which nodes have a part in a volume. Blocks. */
public final class Sharing {
  private static final Logger log = LoggerFactory.getLogger(Sharing.class);

  /** How long the other node may take to make a store, or to take one back. */
  private static final Duration LIMIT = Duration.ofMinutes(1);

  private final VolumeRegistry registry;
  private final NodeRegistry nodes;
  private final Standing standing;
  private final PeerQuestions peers;
  private final LiveSwap swap;

  Sharing(
      VolumeRegistry registry,
      NodeRegistry nodes,
      Standing standing,
      PeerQuestions peers,
      LiveSwap swap) {
    this.registry = registry;
    this.nodes = nodes;
    this.standing = standing;
    this.peers = peers;
    this.swap = swap;
  }

  /** Gives another node a part in a volume that this one owns. */
  public VolumeEntry share(String suid, WantedPart wanted) {
    VolumeEntry entry = registry.get(suid);
    entry.awaitServed();
    entry.begin("shared");
    try {
      VolumeRecord v = entry.record();
      standing.requireOwned(entry, "shared by");
      ShareTerms.checkBlocks(v.suid(), v.blockSize());
      ShareTerms terms = wanted.terms(v, registry.handlers().readPolicies());
      String to = wanted.to();
      if (to.equals(nodes.self().name())) {
        throw Refusal.impossible("node " + to + " is this node itself, and owns volume " + suid);
      }
      Link link = nodes.awaitOnline(to);
      ShareState state = standing.of(entry);
      boolean member = state.members().contains(to);
      ShareOffer offer =
          new ShareOffer(
              v.size(),
              v.blockSize(),
              v.readOnly(),
              state.epoch(),
              terms.read(),
              terms.write().label(),
              terms.ranges().stream().map(r -> r.label()).toList(),
              terms.manual(),
              wanted.store(),
              StoreRoom.room(entry),
              v.access(),
              member);
      peers.ask(link, Op.SHARE, suid, state.epoch(), offer.toPayload(), LIMIT);
      if (member) {
        log.info("volume {} shared with node {} again", suid, to);
        return entry;
      }
      try {
        SharedVolume engine = swap.toShared(entry);
        Refusals.await(engine.members().join(to), LIMIT, "the join of node " + to);
      } catch (RuntimeException e) {
        peers.tell(to, Op.UNSHARE, suid, state.epoch());
        throw e;
      }
      log.info("volume {} shared with node {}", suid, to);
      return entry;
    } finally {
      entry.end();
    }
  }

  /** Takes a standby's part back. */
  public VolumeEntry unshare(String suid, String from) {
    VolumeEntry entry = registry.get(suid);
    entry.awaitServed();
    entry.begin("unshared");
    try {
      standing.requireOwned(entry, "unshared by");
      ShareState state = standing.of(entry);
      SharedVolume engine = entry.engine();
      if (engine == null || !state.members().contains(from)) {
        throw nodes.knows(from) || from.equals(nodes.self().name())
            ? Refusal.conflict("volume " + suid + " is not shared with node " + from)
            : new Refusal(Refusal.Kind.UNKNOWN, "node " + from + " is unknown");
      }
      nodes.awaitOnline(from);
      // It takes the word of the owner alone, and may not know yet who that is.
      Refusals.await(engine.tell(from), LIMIT, "telling node " + from);
      // From here on it cannot take the ownership.
      Refusals.await(engine.members().leaving(from), LIMIT, "the leave of node " + from);
      try {
        peers.ask(
            nodes.online(from), Op.UNSHARE, suid, state.epoch(), Unpooled.EMPTY_BUFFER, LIMIT);
      } catch (Refusal e) {
        if (e.kind() != Refusal.Kind.UNKNOWN) {
          engine.members().stays(from);
          throw e;
        }
        log.info("volume {}: node {} has no part in it already", suid, from);
      }
      Refusals.await(engine.members().gone(from), LIMIT, "the leave of node " + from);
      swap.settle(entry);
      return entry;
    } finally {
      entry.end();
    }
  }
}
