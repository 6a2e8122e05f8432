package dev.wherry.path.shared;

import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What keeps an owner from serving a volume that another node was forced to take over, or that it
 * has forgotten to have given away. It is raised when that is heard of, durably, and lifted when
 * this node takes the ownership back by force; what is heard while it stands is remembered, so that
 * the ownership is taken back in an epoch above all that are known.
 *
 * <p>Safe on any thread; never blocks.
 */
final class Fence {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  private final Core core;
  private boolean raised;
  private CompletableFuture<String> still = new CompletableFuture<>();

  /** What was counted since it was raised; null before, and where it does not stand. */
  private volatile @Nullable Divergence counted;

  private volatile CompletableFuture<Boolean> started = CompletableFuture.completedFuture(false);

  private volatile Supplier<CompletableFuture<Void>> onRaised =
      () -> CompletableFuture.completedFuture(null);

  Fence(Core core) {
    this.core = core;
  }

  /** It is as the state says with which the node starts. */
  synchronized void begin(ShareState s) {
    String why = s.fence();
    if (why != null) {
      raised = true;
      still.complete(why);
    }
  }

  /**
   * Hosts are held by the start of the volume.
   *
   * @param ended when that is over: whether they are held still, because it is fenced by then
   */
  void starting(CompletableFuture<Boolean> ended) {
    started = ended;
  }

  /** Called when hosts change nothing any more; done when the background does not either. */
  void onRaised(Supplier<CompletableFuture<Void>> action) {
    onRaised = action;
  }

  /** Done, with the reason, when this node is fenced and no host changes its store any more. */
  synchronized CompletableFuture<String> still() {
    return still;
  }

  /** What only this node may have, while it is fenced; null otherwise. */
  @Nullable Divergence divergence() {
    if (core.state().fence() == null) {
      return null;
    }
    Divergence exact = counted;
    return exact == null ? Divergence.atMost(core) : exact;
  }

  /** Counts what only this node may have; nothing changes the store any more. Never fails. */
  void count() {
    Divergence.count(core)
        .whenComplete(
            (found, failure) -> {
              if (failure != null && !core.isClosing()) {
                LOG.warn(
                    "volume {}: what is only here is not counted: {}",
                    core.suid(),
                    Failures.causeOf(failure).getMessage());
              } else if (failure == null && core.state().fence() != null) {
                counted = found;
                LOG.warn("volume {} is fenced: {}", core.suid(), found);
              }
            });
  }

  /**
   * A state is about to become the present one: if it lifts the fence, another one may be raised.
   */
  void follow(ShareState before, ShareState next) {
    if (before.fence() != null && next.fence() == null) {
      counted = null;
      lower();
    }
  }

  private synchronized void lower() {
    raised = false;
  }

  /**
   * Whether it has to be raised: it did not stand.
   *
   * @return what is to be done when it does; null if somebody else has raised it
   */
  private synchronized @Nullable CompletableFuture<String> begun() {
    if (raised) {
      return null;
    }
    raised = true;
    if (still.isDone()) {
      still = new CompletableFuture<>();
    }
    return still;
  }

  /**
   * Another node was forced to take over, or this one's data directory is an old backup: nobody is
   * served here any more.
   */
  void raise(String owner, long epoch) {
    CompletableFuture<String> done = begun();
    if (done == null) {
      note(owner, epoch);
      return;
    }
    String why = why(core.node(), core.state().epoch(), owner, epoch);
    core.update(
            now ->
                isServed(now) && now.yieldsTo(owner, epoch)
                    ? now.fenced(why, core.node(), Successor.of(owner, epoch, now))
                    : now)
        .thenCompose(now -> now.fence() == null ? spared() : stopServing(why))
        .handle(
            (v, failure) -> {
              if (failure == null) {
                return CompletableFuture.<Void>completedFuture(null);
              }
              if (core.state().fence() == null) {
                lower(); // It could not be put: the next time that this is heard of it may.
              }
              core.inner().fail(Failures.causeOf(failure));
              return core.inner().drained();
            })
        .thenCompose(ended -> ended)
        .whenComplete((v, failure) -> done.complete(why));
  }

  /** Whether hosts may be served here, or would be if a promise had not been kept by a crash. */
  private static boolean isServed(ShareState s) {
    return (s.role() == Role.OWNER || s.isGivenByCrash()) && s.fence() == null;
  }

  /** The node is not the owner that was meant, or not any more. */
  private CompletableFuture<Void> spared() {
    lower();
    return CompletableFuture.completedFuture(null);
  }

  private CompletableFuture<Void> stopServing(String why) {
    LOG.error("volume {}: {}; this node's copy is kept, and served to nobody", core.suid(), why);
    return started
        .thenCompose(
            held ->
                held
                    ? CompletableFuture.completedFuture(null)
                    : core.inner().suspend(core.ioTimeout(), core.parts().timer()))
        .thenRun(core.presentRole()::switchRole)
        .thenRun(() -> onRaised.get().whenComplete((v, failure) -> count()));
  }

  /**
   * Why nobody is served.
   *
   * @param self this node
   * @param mine the epoch in which this node owned it
   */
  private static String why(String self, long mine, String owner, long epoch) {
    String made = "node " + owner + " was made the owner in epoch " + epoch;
    if (mine == epoch) {
      return made
          + ", and so was this node, "
          + self
          + ", when neither could hear of the other: of two owners of one epoch the one whose name"
          + " comes first stays";
    }
    return Ownership.isForcedBetween(mine, epoch)
        ? made
        : made
            + ", and this node, in epoch "
            + mine
            + ", has forgotten that it gave the ownership up: its data are older";
  }

  /** A later owner, heard of while it stands. */
  private void note(String owner, long epoch) {
    Successor known = core.state().successor();
    if (known != null && !known.yieldsTo(owner, epoch)) {
      return;
    }
    core.update(now -> now.successor() == null ? now : now.withSuccessor(next(now, owner, epoch)))
        .exceptionally(
            failure -> {
              LOG.warn(
                  "volume {}: that node {} owns it in epoch {} cannot be remembered: {}",
                  core.suid(),
                  owner,
                  epoch,
                  Failures.causeOf(failure).getMessage());
              return core.state();
            });
  }

  /** The successor says that it took over with a store of its own; see {@link Peers#OWN_STORE}. */
  void tookOverWithOwnStore(String node, long epoch) {
    if (core.state().role() != Role.OWNER) {
      return;
    }
    core.update(
            now -> {
              Successor by = now.successor();
              return by != null && by.node().equals(node) && by.epoch() == epoch
                  ? now.withSuccessor(by.withOwnStore(now))
                  : now;
            })
        .whenComplete(
            (now, failure) -> {
              if (failure == null && now.fence() != null && still().isDone()) {
                count();
              }
            });
  }

  private static Successor next(ShareState now, String owner, long epoch) {
    Successor known = now.successor();
    return known == null ? Successor.of(owner, epoch, now) : known.then(owner, epoch, now);
  }
}
