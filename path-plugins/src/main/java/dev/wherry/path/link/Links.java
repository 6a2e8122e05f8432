package dev.wherry.path.link;

import java.util.List;
import java.util.Optional;

/** The links of this node, by the other node's name. Safe on any thread; never blocks. */
@FunctionalInterface
public interface Links {
  /** The link to a node that was added, whether it can be reached or not. */
  Optional<Link> to(String node);

  /** The nodes that were added, by name; none where that is not known. */
  default List<String> nodes() {
    return List.of();
  }
}
