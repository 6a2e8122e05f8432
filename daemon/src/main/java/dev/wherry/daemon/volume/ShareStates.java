package dev.wherry.daemon.volume;

import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareState;
import org.jspecify.annotations.Nullable;

/** What a share's state says, in words that the daemon needs. */
public final class ShareStates {
  private static final String NODE = "node:";

  private ShareStates() {}

  /** Whether the node has a part in the volume, or holds something of it. */
  public static boolean needs(ShareState s, String node) {
    return (s.role() != Role.OWNER && s.owner().equals(node))
        || s.members().contains(node)
        || isNode(s.source(), node)
        || isNode(s.base(), node);
  }

  /** Whether nothing but the memory of its epoch tells it from a volume that was never shared. */
  public static boolean isPlain(ShareState s) {
    return s.role() == Role.OWNER
        && s.members().isEmpty()
        && s.source() == null
        && s.base() == null
        && s.map() == 0
        && s.fence() == null
        && s.hasStore();
  }

  private static boolean isNode(@Nullable String source, String node) {
    return (NODE + node).equals(source);
  }
}
