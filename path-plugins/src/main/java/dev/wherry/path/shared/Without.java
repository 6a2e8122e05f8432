package dev.wherry.path.shared;

import org.jspecify.annotations.Nullable;

/**
 * What a node does without that owns a volume by force, or would: blocks that are not on it, and
 * may be nowhere else than with the owner that was passed over. Nobody is asked: a source that was
 * released keeps nothing, and this node may not have heard of it.
 */
final class Without {
  private Without() {}

  /** Of an owner by force; null if it has all, or is none. */
  static @Nullable String ofOwner(Core core) {
    ShareState s = core.state();
    return s.role() == Role.OWNER && s.fence() == null && Ownership.isByForce(s.epoch())
        ? of(core, s)
        : null;
  }

  /** Of one that was the owner before and may be so by force; null if it has all, or is none. */
  static @Nullable String ofFormer(Core core) {
    ShareState s = core.state();
    return s.role() == Role.FORMER ? of(core, s) : null;
  }

  private static @Nullable String of(Core core, ShareState s) {
    LayeredStore store = core.store();
    if (store == null || !store.isMissingAny()) {
      return null;
    }
    SharedVolume.Blocks b = core.blocks();
    String text = (b.total() - b.here()) + " of " + b.total() + " blocks are not here";
    if (s.source() == null) {
      return text + ", and come from nowhere";
    }
    text += ": they are read from " + named(core, s.source());
    if (s.base() != null) {
      text += " and " + named(core, s.base());
    }
    return text + ", and lost if they are not there any more";
  }

  private static String named(Core core, String source) {
    String node = NodeSource.nodeOf(source);
    if (node == null) {
      return source;
    }
    return "node " + node + (core.isUp(node) ? "" : " (which cannot be reached)");
  }
}
