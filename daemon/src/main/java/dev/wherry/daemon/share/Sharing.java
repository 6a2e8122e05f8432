package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.node.NodeRegistry;
import dev.wherry.daemon.volume.Await;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkException;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.move.Mover;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareException;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What operators do with volumes that several nodes have. All methods block. */
public final class Sharing {
  private static final Logger log = LoggerFactory.getLogger(Sharing.class);

  /** How long the other node may take to make a store, or to take one back. */
  private static final Duration PART_LIMIT = Duration.ofMinutes(1);

  /** How long the ownership may take to change hands; less than what the command line waits. */
  private static final Duration OWNER_LIMIT = Duration.ofMinutes(2);

  private static final Duration TELL_LIMIT = Duration.ofSeconds(5);
  private static final int LARGEST_BLOCK = 1 << 20;

  private final VolumeRegistry registry;
  private final NodeRegistry nodes;
  private final LiveSwap swap;

  Sharing(VolumeRegistry registry, NodeRegistry nodes, LiveSwap swap) {
    this.registry = registry;
    this.nodes = nodes;
    this.swap = swap;
  }

  // ------------------------------------------------------------------ share, unshare

  /**
   * Gives another node a part in a volume that this one owns.
   *
   * @param ranges as {@link Ranges} reads them
   * @param store a path there, {@code none}, or null for a sparse file
   */
  public VolumeEntry share(
      String suid,
      String to,
      @Nullable String read,
      @Nullable String write,
      @Nullable List<String> ranges,
      @Nullable String handover,
      @Nullable String store) {
    VolumeEntry entry = registry.get(suid);
    entry.begin("shared");
    try {
      VolumeRecord v = entry.record();
      owned(entry, "shared by");
      checkBlocks(v.suid(), v.blockSize());
      ShareTerms terms =
          ShareTerms.DEFAULT
              .withRead(read)
              .withWrite(write)
              .withRanges(ranges, v.size(), v.blockSize())
              .withHandover(handover);
      if (store != null && !store.equals(ShareOffer.NO_STORE) && !store.startsWith("/")) {
        throw Refusal.malformed("store '" + store + "' is neither an absolute path nor none");
      }
      if (to.equals(nodes.self().name())) {
        throw Refusal.impossible("node " + to + " is this node itself, and owns volume " + suid);
      }
      Link link = nodes.online(to);
      ShareState state = state(entry);
      boolean member = state.members().contains(to);
      ShareOffer offer =
          new ShareOffer(
              v.size(),
              v.blockSize(),
              v.readOnly(),
              state.epoch(),
              terms.read().label(),
              terms.write().label(),
              terms.ranges().stream().map(r -> r.label()).toList(),
              terms.manual(),
              store,
              StoreRoom.room(entry),
              v.access(),
              member);
      ask(link, Op.SHARE, suid, state.epoch(), offer.toPayload(), PART_LIMIT);
      if (member) {
        log.info("volume {} shared with node {} again", suid, to);
        return entry;
      }
      try {
        SharedVolume engine = swap.toShared(entry);
        await(engine.join(to), PART_LIMIT, "the join of node " + to);
      } catch (RuntimeException e) {
        tell(to, Op.UNSHARE, suid, state.epoch());
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
    entry.begin("unshared");
    try {
      owned(entry, "unshared by");
      ShareState state = state(entry);
      SharedVolume engine = entry.engine();
      if (engine == null || !state.members().contains(from)) {
        throw nodes.knows(from) || from.equals(nodes.self().name())
            ? Refusal.conflict("volume " + suid + " is not shared with node " + from)
            : new Refusal(Refusal.Kind.UNKNOWN, "node " + from + " is unknown");
      }
      nodes.online(from);
      // It is no member any more before it is asked: so it cannot take the ownership meanwhile.
      await(engine.leave(from), PART_LIMIT, "the leave of node " + from);
      try {
        ask(nodes.online(from), Op.UNSHARE, suid, state.epoch(), Unpooled.EMPTY_BUFFER, PART_LIMIT);
      } catch (Refusal e) {
        if (e.kind() != Refusal.Kind.UNKNOWN) {
          await(engine.join(from), PART_LIMIT, "the return of node " + from);
          throw e;
        }
        await(engine.gone(from), PART_LIMIT, "the leave of node " + from);
        log.info("volume {}: node {} has no part in it already", suid, from);
      }
      swap.settle(entry);
      return entry;
    } finally {
      entry.end();
    }
  }

  // ------------------------------------------------------------------ ownership

  /**
   * Takes the ownership. Nothing is to be done where it is here.
   *
   * @param force although the owner cannot be asked
   */
  public VolumeEntry activate(String suid, boolean force) {
    VolumeEntry entry = registry.get(suid);
    SharedVolume engine = entry.engine();
    if (engine == null) {
      owned(entry, "activated at");
      return entry;
    }
    served(entry);
    ShareState state = engine.state();
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
    if (state.role() != Role.OWNER) {
      await(engine.activate(force), OWNER_LIMIT, "the activation");
      log.info("volume {}: this node took the ownership{}", suid, force ? " by force" : "");
    }
    return entry;
  }

  /** Gives the ownership, with all changes, to another node. */
  public VolumeEntry giveBack(String suid, String to) {
    VolumeEntry entry = registry.get(suid);
    served(entry);
    owned(entry, "returned by");
    ShareState state = state(entry);
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
    nodes.online(to);
    await(engine.giveTo(to), OWNER_LIMIT, "the return");
    log.info("volume {}: the ownership went to node {}", suid, to);
    return entry;
  }

  /** Frees what is kept here and needed by nobody any more. */
  public VolumeEntry release(String suid) {
    VolumeEntry entry = registry.get(suid);
    entry.begin("released");
    try {
      served(entry);
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
      BlockDevice store = await(engine.release(), OWNER_LIMIT, "the release");
      if (store != null) {
        swap.dropStore(entry, store);
      }
      log.info("volume {} released", suid);
      return entry;
    } finally {
      entry.end();
    }
  }

  // ------------------------------------------------------------------ policies

  /** How a volume is emulated now. Refused where it is not. */
  public ShareTerms terms(VolumeEntry entry) {
    return ShareTerms.of(emulated(entry).state());
  }

  /** Changes how a volume is emulated, durably. */
  public void terms(VolumeEntry entry, ShareTerms terms) {
    await(
        emulated(entry).policies(terms.read(), terms.write(), terms.ranges(), terms.manual()),
        PART_LIMIT,
        "the change of policies");
  }

  /** Changes how fast the background move is, durably. */
  public void pace(VolumeEntry entry, long minimum, long bandwidth) {
    SharedVolume engine = emulated(entry);
    ShareRecord share = entry.share();
    if (share == null) {
      throw new IllegalStateException("volume " + entry.suid() + " has no share");
    }
    if (minimum > bandwidth) {
      throw Refusal.impossible(
          "minimum " + minimum + " is more than the bandwidth, " + bandwidth + " bytes per second");
    }
    ShareRecord.Options options = share.options().withPace(minimum, bandwidth);
    VolumeRegistry.commit(registry.catalog().put(entry.suid(), options));
    entry.share(options);
    engine.pace(new Mover.Pace(minimum, bandwidth));
  }

  private static SharedVolume emulated(VolumeEntry entry) {
    SharedVolume engine = entry.engine();
    if (engine == null) {
      throw Refusal.conflict(
          "volume " + entry.suid() + " is whole here and not shared: it has no such setting");
    }
    return engine;
  }

  // ------------------------------------------------------------------ delete

  /** Removes a volume; see {@link VolumeRegistry#delete}. */
  public void delete(String suid, boolean force) {
    VolumeEntry entry = registry.get(suid);
    ShareState before = entry.shareState();
    registry.delete(suid, force, e -> checkDelete(e, force));
    if (before == null) {
      return;
    }
    if (before.fence() != null) {
      // One of them owns it by now; only that one takes note.
      before.members().forEach(m -> tell(m, Op.LEAVE, suid, before.epoch()));
    } else if (before.role() != Role.OWNER) {
      leave(suid, before);
    }
  }

  private static void checkDelete(VolumeEntry entry, boolean force) {
    SharedVolume engine = entry.engine();
    ShareState state = engine == null ? entry.shareState() : engine.state();
    if (state == null || force) {
      return;
    }
    String volume = "volume " + entry.suid();
    if (state.fence() != null) {
      throw Refusal.conflict(
          volume + " is fenced: " + state.fence() + "; --force discards what is only here");
    }
    if (state.role() == Role.OWNER && !state.members().isEmpty()) {
      throw Refusal.conflict(
          volume
              + " is shared with "
              + String.join(", ", state.members())
              + "; unshare it, or --force deletes what they read from here");
    }
    if (state.role() == Role.STANDBY) {
      throw Refusal.conflict(
          volume
              + " is owned by node "
              + state.owner()
              + ": use unshare there; --force deletes this part alone");
    }
    if (state.role() == Role.FORMER && state.hasStore()) {
      throw Refusal.conflict(
          volume
              + " holds what node "
              + state.owner()
              + " may need: release it first; --force deletes it all the same");
    }
  }

  /** Tells the owner that this node is gone; it may be a node further. */
  private void leave(String suid, ShareState state) {
    if (!tell(state.owner(), Op.LEAVE, suid, state.epoch())) {
      log.warn(
          "volume {}: node {} could not be told that this node has no part in it any more; unshare"
              + " it there",
          suid,
          state.owner());
    }
  }

  // ------------------------------------------------------------------ common

  static void checkBlocks(String suid, int blockSize) {
    if (blockSize < BlockMap.UNIT || blockSize > LARGEST_BLOCK) {
      throw Refusal.impossible(
          "block size "
              + blockSize
              + " of volume "
              + suid
              + " is not between "
              + BlockMap.UNIT
              + " and "
              + LARGEST_BLOCK
              + ": it cannot be shared");
    }
  }

  private ShareState state(VolumeEntry entry) {
    SharedVolume engine = entry.engine();
    ShareState known = engine == null ? entry.shareState() : engine.state();
    return known == null ? ShareState.alone(nodes.self().name()) : known;
  }

  private void owned(VolumeEntry entry, String what) {
    served(entry);
    ShareState state = state(entry);
    if (state.role() != Role.OWNER) {
      throw Refusal.conflict(
          "volume "
              + entry.suid()
              + " is owned by node "
              + state.owner()
              + ": it is "
              + what
              + " that node");
    }
  }

  private static void served(VolumeEntry entry) {
    if (entry.leaving() || entry.volume() == null || !entry.state().equals("online")) {
      String reason = entry.reason();
      throw Refusal.conflict(
          "volume "
              + entry.suid()
              + " is "
              + (entry.leaving() ? "being deleted" : entry.state())
              + (reason == null ? "" : ": " + reason));
    }
  }

  private static void ask(
      Link link, Op op, String suid, long epoch, ByteBuf payload, Duration limit) {
    LinkReply reply =
        await(
            link.call(
                LinkRequest.of(op, suid, epoch, 0, 0).withPayload(payload),
                Priority.CONTROL,
                limit),
            limit.plusSeconds(5),
            "asking node " + link.node());
    reply.payload().release();
    if (!reply.isOk()) {
      throw Refusals.of(link.node(), reply);
    }
  }

  /** Asks without insisting; true if it was done, or there was nothing to do. */
  private boolean tell(String node, Op op, String suid, long epoch) {
    try {
      ask(nodes.online(node), op, suid, epoch, Unpooled.EMPTY_BUFFER, TELL_LIMIT);
      return true;
    } catch (Refusal e) {
      log.info("volume {}: {} is not done: {}", suid, op, e.getMessage());
      return e.kind() == Refusal.Kind.UNKNOWN && !e.getMessage().isEmpty();
    }
  }

  private static <T> T await(CompletableFuture<T> future, Duration limit, String what) {
    CompletableFuture<T> worded =
        future.exceptionally(
            failure -> {
              Throwable t = failure;
              while (t instanceof CompletionException && t.getCause() != null) {
                t = t.getCause();
              }
              if (t instanceof ShareException e) {
                throw Refusals.of(e);
              }
              if (t instanceof LinkException e) {
                throw Refusal.conflict(what + ": " + e.getMessage());
              }
              throw new CompletionException(t);
            });
    return Await.done(worded, limit, what);
  }
}
