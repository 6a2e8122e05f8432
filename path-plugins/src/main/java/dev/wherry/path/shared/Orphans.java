package dev.wherry.path.shared;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Nodes that were given a part by an owner from whom the volume was taken by force: the taker, a
 * standby, did not know of them. They become members when they are heard of.
 */
final class Orphans {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  private final Core core;
  private final Set<String> left = ConcurrentHashMap.newKeySet();

  Orphans(Core core) {
    this.core = core;
  }

  /** Its part is being taken back. */
  void left(String node) {
    left.add(node);
  }

  /** It was given a part (again). */
  void joined(String node) {
    left.remove(node);
  }

  private boolean isOrphan(String node, ShareState s) {
    return s.role() == Role.OWNER
        && s.fence() == null
        && Ownership.isForcedBetween(0, s.epoch())
        && !s.members().contains(node)
        && !left.contains(node);
  }

  /**
   * A node says that it has a part.
   *
   * @return whether it is a member because of that, durably; fails if that cannot be put
   */
  CompletableFuture<Boolean> takeIn(String node) {
    if (!isOrphan(node, core.state())) {
      return CompletableFuture.completedFuture(false);
    }
    return core.update(
            now -> {
              List<String> members = new ArrayList<>(now.members());
              members.add(node);
              return isOrphan(node, now) ? now.withMembers(members) : now;
            })
        .thenApply(
            now -> {
              LOG.info(
                  "volume {}: node {} has a part that a former owner gave it", core.suid(), node);
              return now.members().contains(node);
            });
  }
}
