package dev.wherry.path.shared;

import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node that has a volume of this name for itself, where this node owns one: it says that it owns
 * the volume, in an earlier epoch than this one does, and takes no notice of that. It had taken
 * this node's part back, who did not hear of it, and has a volume of its own since. Which one it is
 * the operator has to say.
 *
 * <p>Safe on any thread; never blocks.
 */
public final class Rival {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  private final Core core;
  private volatile @Nullable String node;

  Rival(Core core) {
    this.core = core;
  }

  /**
   * What a node says of itself shows whether it is one.
   *
   * @param s as this node was when it asked
   */
  void note(ShareState s, Heard heard) {
    boolean owns = s.role() == Role.OWNER && s.fence() == null;
    if (owns && heard.owned() > 0 && heard.owned() < s.epoch()) {
      if (!heard.from().equals(node)) {
        LOG.warn(
            "volume {}: node {} has a volume of this name for itself, and this node owns it, too,"
                + " epoch {}",
            core.suid(),
            heard.from(),
            s.epoch());
      }
      node = heard.from();
    } else if (heard.epoch() > 0 && heard.from().equals(node)) {
      node = null;
    }
  }

  /** What operators are shown; null where no such node was heard of, or this one is no owner. */
  @Nullable String shown() {
    String there = node;
    return there == null || core.state().role() != Role.OWNER ? null : shown(there);
  }

  /** What is shown of two volumes that were one: here, and at a node. */
  private static String shown(String node) {
    return "node "
        + node
        + " has a volume of this name for itself: they were one, and what is written to either is"
        + " not in the other; delete the one that is not needed";
  }

  /**
   * What operators are shown at the node that has the volume for itself, where another one asks.
   *
   * @param state of that
   * @param self this node
   * @param request that came from another one
   * @return null unless the sender says that it owns the volume, in a later epoch
   */
  public static @Nullable String asking(
      ShareState state, String self, String from, LinkRequest request) {
    if (request.op() != Op.SYNC || request.epoch() <= state.epoch()) {
      return null;
    }
    List<String> said = Heard.readRequest(request.payload());
    return said.get(0).equals(from) && said.subList(1, said.size()).contains(self)
        ? shown(from)
        : null;
  }
}
