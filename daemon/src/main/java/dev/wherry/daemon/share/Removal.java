package dev.wherry.daemon.share;

import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.path.link.Op;
import dev.wherry.path.shared.Divergence;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code volume delete}: not while another node needs what is here, unless by force; and the owner
 * hears of it. Blocks.
 */
public final class Removal {
  private static final Logger log = LoggerFactory.getLogger(Removal.class);

  private final VolumeRegistry registry;
  private final PeerQuestions peers;

  Removal(VolumeRegistry registry, PeerQuestions peers) {
    this.registry = registry;
    this.peers = peers;
  }

  /** Removes a volume; see {@link VolumeRegistry#delete}. */
  public void delete(String suid, boolean force) {
    VolumeEntry entry = registry.get(suid);
    ShareState before = entry.shareState();
    registry.delete(suid, force, e -> check(e, force));
    if (before == null) {
      return;
    }
    if (before.fence() != null) {
      // One of them owns it by now; only that one takes note.
      before.members().forEach(m -> peers.tell(m, Op.LEAVE, suid, before.epoch()));
    } else if (before.role() != Role.OWNER) {
      leave(suid, before);
    }
  }

  private static void check(VolumeEntry entry, boolean force) {
    SharedVolume engine = entry.engine();
    ShareState state = engine == null ? entry.shareState() : engine.state();
    if (state == null || force) {
      return;
    }
    String volume = "volume " + entry.suid();
    if (state.fence() != null) {
      throw Refusal.conflict(
          volume
              + " is fenced: "
              + state.fence()
              + only(engine)
              + "; --force discards what is only here");
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

  private static String only(@Nullable SharedVolume engine) {
    Divergence only = engine == null ? null : engine.divergence();
    return only == null ? "" : "; " + only;
  }

  /** Tells the owner that this node is gone; it may be a node further. */
  private void leave(String suid, ShareState state) {
    if (!peers.tell(state.owner(), Op.LEAVE, suid, state.epoch())) {
      log.warn(
          "volume {}: node {} could not be told that this node has no part in it any more; unshare"
              + " it there",
          suid,
          state.owner());
    }
  }
}
