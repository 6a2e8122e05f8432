package dev.wherry.daemon.share;

import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;

/** How this node stands to a volume, and what operators may therefore not ask. Never blocks. */
final class Standing {
  private final String node;

  /**
   * @param node this one
   */
  Standing(String node) {
    this.node = node;
  }

  /** What is known now; that it is this node's alone, where there is nothing. */
  ShareState of(VolumeEntry entry) {
    SharedVolume engine = entry.engine();
    ShareState known = engine == null ? entry.shareState() : engine.state();
    return known == null ? ShareState.alone(node) : known;
  }

  /**
   * Refuses what the owner alone can do.
   *
   * @param what for example {@code shared by}, before the owner's name
   */
  void requireOwned(VolumeEntry entry, String what) {
    requireServed(entry);
    ShareState state = of(entry);
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

  /** Refuses what cannot be done with a volume that is not online. */
  static void requireServed(VolumeEntry entry) {
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
}
