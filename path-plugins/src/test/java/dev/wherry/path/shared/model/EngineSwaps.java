package dev.wherry.path.shared.model;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.ForwardingHandler;
import dev.wherry.path.PathHandler;
import dev.wherry.path.Volume;
import dev.wherry.path.VolumeState;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareState;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * How the engine comes under a node's volume where somebody needs it, and goes where nobody does,
 * as the daemon does it.
 */
final class EngineSwaps {
  private final Node node;
  private final Schedule schedule;
  private boolean underWay;

  EngineSwaps(Node node, Schedule schedule) {
    this.node = node;
    this.schedule = schedule;
  }

  boolean underWay() {
    return underWay;
  }

  /** The daemon has ended, and what it was about with it. */
  void ended() {
    underWay = false;
  }

  /** The volume's own device, and nothing else. */
  static final class Plain extends ForwardingHandler {
    Plain(BlockDevice store) {
      super("plain", store);
    }
  }

  /** Whether the daemon opens a volume without the engine. */
  static boolean isPlain(ShareState s) {
    return s.role() == Role.OWNER
        && s.members().isEmpty()
        && s.source() == null
        && s.base() == null
        && s.map() == 0
        && s.fence() == null
        && s.hasStore();
  }

  private boolean isNeedless() {
    Part now = node.part();
    return now != null && now.isPlain() && now.state().members().isEmpty();
  }

  private CompletableFuture<Void> drain(Volume which, Life now) {
    return which.suspend(Duration.ofSeconds(10), now.timer());
  }

  private boolean isSwappable() {
    Volume now = node.volume();
    return now != null
        && !node.removing()
        && !underWay
        && now.state() == VolumeState.ONLINE
        && !schedule.operator().isAsking(node.name());
  }

  /** Takes the engine away where nobody needs it, as the daemon does now and then. */
  void sweep() {
    Life now = node.life();
    Volume which = node.volume();
    if (now == null || which == null || !isSwappable() || !isNeedless()) {
      return;
    }
    underWay = true;
    drain(which, now)
        .thenCompose(v -> takeAway(which, now))
        .whenComplete((v, failure) -> swapped(which, now));
  }

  private CompletableFuture<Void> takeAway(Volume which, Life now) {
    Part going = node.part();
    if (now.dead() || going == null || !isNeedless()) {
      return CompletableFuture.completedFuture(null);
    }
    return going
        .detachStore()
        .thenAccept(
            store -> {
              if (!now.dead() && store != null) {
                schedule.log().note(now + " is plain");
                which.swap(store instanceof PathHandler h ? h : new Plain(store));
                node.plain();
              }
            });
  }

  private void swapped(Volume which, Life now) {
    if (!now.dead()) {
      underWay = false;
      if (which.state() == VolumeState.SUSPENDED) {
        which.resume();
      }
    }
  }

  /** Puts the engine under a volume that has none; done when it has one, or cannot. */
  CompletableFuture<Void> engage() {
    Life now = node.life();
    Volume which = node.volume();
    ShareState state = node.disk().state;
    if (now == null || which == null || node.part() != null || state == null || !isSwappable()) {
      return CompletableFuture.completedFuture(null);
    }
    underWay = true;
    return drain(which, now)
        .thenRun(
            () -> {
              if (!now.dead()) {
                schedule.log().note(now + " gets the engine");
                Part put =
                    node.engine(now, state, schedule.log(now, node.disk()), which.handler(), null);
                which.swap(put.handler());
              }
            })
        .whenComplete((v, failure) -> swapped(which, now));
  }
}
