package dev.wherry.path.shared;

import dev.wherry.path.link.LinkReply;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who owns the volume, as far as this node has heard: what others say of it is judged here, and
 * what others are told who take this node for what it is not.
 *
 * <p>Safe on any thread; never blocks. What is heard is in the {@link ShareState} once that is
 * durable.
 */
final class KnownOwner {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  private final Core core;
  private volatile Runnable learned = () -> {};
  private volatile Runnable named = () -> {};

  KnownOwner(Core core) {
    this.core = core;
  }

  /** Called when this node has learned of another owner. */
  void onLearned(Runnable action) {
    learned = action;
  }

  /** Called when another node takes this one for the owner, and it is not (yet). */
  void onNamed(Runnable action) {
    named = action;
  }

  /** Takes note of an owner that another node named; true if it is news. */
  boolean learn(String owner, long epoch) {
    ShareState s = core.state();
    if (!s.yieldsTo(owner, epoch) || (owner.equals(core.node()) && epoch == s.epoch())) {
      return false;
    }
    // One who was made the owner by force has not asked for what was promised.
    if (s.role() == Role.OWNER
        || (s.isGivenByCrash() && Ownership.isForcedBetween(s.epoch(), epoch))) {
      if (!owner.equals(core.node())) {
        core.fence().raise(owner, epoch);
      }
    } else if (owner.equals(core.node())) {
      named.run();
      return false;
    } else {
      LOG.info("volume {}: node {} owns it, epoch {}", core.suid(), owner, epoch);
      core.marks().clear();
      core.update(
              now ->
                  now.role() != Role.OWNER && now.yieldsTo(owner, epoch)
                      ? now.withOwner(owner, epoch)
                      : now)
          .whenComplete((v, failure) -> learned.run());
    }
    return true;
  }

  /** The node to which a crash gave the ownership says that it has it. */
  void fetched() {
    if (core.state().isGivenByCrash()) {
      core.update(s -> s.isGivenByCrash() ? s.withPledge(null) : s)
          .<Void>thenApply(s -> null)
          .exceptionally(Failures::logged);
    }
  }

  /** What a node is told that takes this one for what it is not. */
  LinkReply stale() {
    ShareState s = core.state();
    Successor by = s.successor();
    return by == null
        ? LinkReply.stale(s.epoch(), s.owner())
        : LinkReply.stale(by.epoch(), by.node());
  }

  /**
   * Another node's command is ahead of this node, which is about to become the owner, or has not
   * heard that it is. Done with true once it is so; with false, before that command is given up, if
   * it takes too long.
   */
  CompletableFuture<Boolean> catchUp(long epoch) {
    learn(core.node(), epoch);
    return core.soon(() -> core.state().epoch() >= epoch);
  }
}
