package dev.wherry.path.shared;

import dev.wherry.path.Answers;
import dev.wherry.path.link.LinkReply.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Asks all nodes that can be reached who owns the volume, and those whom they name, before it is
 * taken by force: a node that owns it and answers is no lost one, and an epoch that somebody has
 * heard of is not given once more. What is heard is learned. It is not the members alone that are
 * asked: a standby does not know of the others.
 */
final class Inquiry {
  private final Core core;
  private final Peers peers;
  private final Map<String, Heard> heard = new ConcurrentHashMap<>();
  private final Set<String> asked = new TreeSet<>();

  Inquiry(Core core, Peers peers) {
    this.core = core;
    this.peers = peers;
  }

  /** Done when all that can be reached have answered, or had the time of a host's request. */
  CompletableFuture<Inquiry> all() {
    ShareState s = core.state();
    Set<String> next = new TreeSet<>(peers.reachable());
    Successor by = s.successor();
    if (by != null && core.isUp(by.node())) {
      next.add(by.node());
    }
    next.removeAll(asked);
    if (next.isEmpty()) {
      return CompletableFuture.completedFuture(this);
    }
    asked.addAll(next);
    List<CompletableFuture<Void>> answers = new ArrayList<>();
    next.forEach(n -> answers.add(peers.ask(n).thenAccept(h -> heard.put(n, h))));
    // What was heard is noted by then: changes of the state follow each other.
    return Answers.join(answers).thenCompose(v -> core.update(now -> now)).thenCompose(v -> all());
  }

  /** The latest epoch that anybody has heard of; 0 if nobody answered. */
  long latest() {
    return heard.values().stream().mapToLong(Heard::epoch).max().orElse(0);
  }

  /**
   * The node that says that it owns the volume itself.
   *
   * @param since in this epoch or a later one
   * @return null if nobody does
   */
  @Nullable Heard owner(long since) {
    for (Heard h : new TreeMap<>(heard).values()) {
      if (h.owned() > 0 && h.owned() >= since) {
        return h;
      }
    }
    return null;
  }

  /** Refuses if some node owns it in a later epoch than this node knew of. */
  CompletableFuture<Inquiry> refuseIfOwnedAfter(long epoch) {
    Heard owner = owner(epoch + 1);
    return owner == null
        ? CompletableFuture.completedFuture(this)
        : Peers.refused(
            Status.REFUSED,
            "node "
                + owner.from()
                + " owns it by now, epoch "
                + owner.epoch()
                + ", and can be reached: nothing is taken from it by force while it runs");
  }

  /**
   * Refuses if some node has all of it, and the node that it promised the ownership to, in the last
   * epoch that is known, is not this one and may never have come for it.
   */
  CompletableFuture<Inquiry> refuseIfKept() {
    long last = Math.max(latest(), core.state().epoch());
    for (Heard h : new TreeMap<>(heard).values()) {
      if (h.kept() && h.epoch() == last && !core.node().equals(h.owner())) {
        return Peers.refused(
            Status.REFUSED,
            "node "
                + h.from()
                + " has all of it, as it was when it promised the ownership to node "
                + core.state().owner()
                + ", who may not have taken it: activate it there");
      }
    }
    return CompletableFuture.completedFuture(this);
  }
}
