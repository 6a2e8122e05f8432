package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.catalog.VolumeRecord.State;
import dev.wherry.daemon.node.NodeRegistry;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.daemon.volume.AccessList;
import dev.wherry.daemon.volume.Await;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** This node's part in another node's volume: made and taken back at the owner's word. Blocks. */
final class StandbyPart {
  private static final Logger log = LoggerFactory.getLogger(StandbyPart.class);
  private static final Duration LIMIT = Duration.ofSeconds(30);

  private final VolumeRegistry registry;
  private final NodeRegistry nodes;
  private final DataDirectory data;
  private final StoreRoom room;
  private final StoreMaker maker;
  private final LiveSwap swap;
  private final Clock clock;

  /** Room is looked at and booked by one at a time. */
  private final Object booking = new Object();

  StandbyPart(
      VolumeRegistry registry,
      NodeRegistry nodes,
      DataDirectory data,
      StoreRoom room,
      StoreMaker maker,
      LiveSwap swap,
      Clock clock) {
    this.registry = registry;
    this.nodes = nodes;
    this.data = data;
    this.room = room;
    this.maker = maker;
    this.swap = swap;
    this.clock = clock;
  }

  /** Takes a part. The same offer again is done already. */
  void take(String owner, String suid, ShareOffer offer) {
    ShareTerms terms = offer.terms(registry.handlers().readPolicies());
    AccessList.parse(String.join(",", offer.allow()));
    if (!nodes.knows(owner)) {
      throw Refusal.conflict(
          "node " + nodes.self().name() + " does not know node " + owner + "; add it there first");
    }
    synchronized (booking) {
      Optional<VolumeEntry> there = registry.find(suid);
      if (there.isPresent() && isReleased(there.get())) {
        restock(there.get(), owner, offer, terms);
        return;
      }
      if (offer.member()) {
        throw Refusal.conflict(
            "volume " + suid + " is shared with node " + nodes.self().name() + " already");
      }
      if (there.isPresent()) {
        again(there.get(), owner, offer, terms);
        return;
      }
      VolumeRecord draft = draft(suid, offer);
      long booked = book(draft.backing(), offer);
      ShareState state = standby(owner, offer, terms);
      registry.create(
          draft,
          new ShareRecord(suid, state, ShareRecord.Options.DEFAULT.withBooked(booked)),
          opener -> {
            if (offer.keepsBlocks()) {
              maker.make(draft, opener);
            }
          });
      log.info("volume {}: node {} gave this node a part", suid, owner);
    }
  }

  private long book(List<Backing> backing, ShareOffer offer) {
    if (!offer.keepsBlocks()) {
      return 0;
    }
    long booked = StoreRoom.booking(offer.room());
    room.check(Path.of(backing.get(0).spec()), booked);
    return booked;
  }

  private static ShareState standby(String owner, ShareOffer offer, ShareTerms terms) {
    return ShareState.standby(owner, offer.epoch(), offer.keepsBlocks() ? StoreMaker.FIRST_MAP : 0)
        .withPolicies(terms.read(), terms.write(), terms.ranges(), terms.manual());
  }

  /** A former owner that has released what it had, and sends all to the owner. */
  private static boolean isReleased(VolumeEntry entry) {
    ShareState state = entry.shareState();
    return state != null && state.role() == Role.FORMER && !state.hasStore();
  }

  /** Such a node becomes a standby, under the hosts that are attached to it. */
  private void restock(VolumeEntry entry, String owner, ShareOffer offer, ShareTerms terms) {
    entry.begin("shared");
    try {
      VolumeRecord v = entry.record();
      ShareState before = entry.shareState();
      if (!isReleased(entry)
          || before == null
          || v.size() != offer.size()
          || v.blockSize() != offer.blockSize()
          || before.epoch() > offer.epoch()
          || (before.epoch() == offer.epoch() && !before.owner().equals(owner))) {
        throw Refusal.conflict(
            "node "
                + nodes.self().name()
                + " has another volume "
                + v.suid()
                + ", or another owner of it");
      }
      List<Backing> backing = draft(v.suid(), offer).backing();
      ShareRecord.Options options = ShareRecord.Options.DEFAULT.withBooked(book(backing, offer));
      if (offer.keepsBlocks()) {
        registry.stores().give(entry, backing.get(0), opener -> maker.make(entry.record(), opener));
      }
      ShareState state = standby(owner, offer, terms).withLosses(before.losses());
      swap.restate(entry, new ShareRecord(v.suid(), state, options));
      log.info("volume {}: node {} gave this node a part again", v.suid(), owner);
    } finally {
      entry.end();
    }
  }

  /** The owner may have died before it took note of what was made. */
  private void again(VolumeEntry entry, String owner, ShareOffer offer, ShareTerms terms) {
    ShareState state = entry.shareState();
    SharedVolume engine = entry.engine();
    if (state == null
        || engine == null
        || state.role() != Role.STANDBY
        || !state.owner().equals(owner)
        || !offer.matches(state, entry.record().size(), entry.record().blockSize())) {
      throw Refusal.conflict(
          "node " + nodes.self().name() + " has a volume " + entry.suid() + " already");
    }
    Refusals.await(
        engine.policies(terms.read(), terms.write(), terms.ranges(), terms.manual()),
        LIMIT,
        "the change of policies");
  }

  private VolumeRecord draft(String suid, ShareOffer offer) {
    List<Backing> backing = List.of();
    String store = offer.store();
    if (store == null) {
      backing = List.of(new Backing(data.image(suid).toString(), true));
    } else if (offer.keepsBlocks()) {
      Path path = Path.of(store);
      if (!path.isAbsolute() || !path.equals(path.normalize()) || path.getFileName() == null) {
        throw Refusal.malformed("store '" + store + "' is not an absolute path, or none");
      }
      Path parent = path.getParent();
      if (parent == null || !parent.toFile().isDirectory()) {
        throw Refusal.impossible(
            "store " + store + ": node " + nodes.self().name() + " has no directory " + parent);
      }
      backing = List.of(new Backing(store, false));
    }
    return new VolumeRecord(
        suid,
        offer.size(),
        offer.blockSize(),
        offer.readOnly(),
        "local",
        Map.of(),
        backing,
        offer.allow(),
        State.CREATING,
        clock.millis());
  }

  /**
   * Gives the part back: a standby's, or what is left of a former owner's after its release; not
   * while hosts are attached here.
   *
   * @param epoch of the owner
   */
  void giveBack(String owner, String suid, long epoch) {
    VolumeEntry entry = registry.get(suid);
    SharedVolume engine = entry.engine();
    if (engine != null) {
      // The owner told so before it asked.
      Await.done(engine.hearsOf(epoch), LIMIT, "hearing of the owner of volume " + suid);
    }
    registry.delete(
        suid,
        false,
        e -> {
          ShareState state = e.shareState();
          if (state == null || !state.owner().equals(owner)) {
            throw Refusal.conflict(
                "node "
                    + nodes.self().name()
                    + " has no part of node "
                    + owner
                    + "'s volume "
                    + suid);
          }
          if ((state.role() != Role.STANDBY && !isReleased(e)) || state.wanted()) {
            throw Refusal.conflict(
                "volume "
                    + suid
                    + " at node "
                    + nodes.self().name()
                    + (state.wanted()
                        ? " is taking the ownership"
                        : " is no standby: release it there first"));
          }
          if (e.sessions() > 0) {
            throw Refusal.conflict(
                "volume "
                    + suid
                    + " has "
                    + e.sessions()
                    + " connections at node "
                    + nodes.self().name()
                    + ": detach them first");
          }
        });
    log.info("volume {}: node {} took this node's part back", entry.suid(), owner);
  }

  /** A member is gone, says that member. Refused where this node does not own the volume. */
  void left(String member, String suid) {
    Optional<VolumeEntry> entry = registry.find(suid);
    SharedVolume engine = entry.map(VolumeEntry::engine).orElse(null);
    if (engine == null || !engine.state().members().contains(member)) {
      return;
    }
    if (engine.state().role() != Role.OWNER) {
      throw Refusal.conflict("volume " + suid + " is owned by node " + engine.state().owner());
    }
    Refusals.await(engine.members().gone(member), LIMIT, "the leave of node " + member);
    log.info("volume {}: node {} has no part in it any more", suid, member);
  }
}
