package dev.wherry.path.shared.model;

import dev.wherry.path.move.VirtualTimer;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;

/**
 * One run of a daemon, from its start to its end. After it was killed nothing of it has an effect
 * any more, but its code goes on for a while in a world in which everything fails: so that it lets
 * go of its buffers, and leaks are still found.
 */
final class Life {
  /** How long the code of a dead life goes on, in nanoseconds of virtual time. */
  private static final long AFTERLIFE = 60_000_000_000L;

  private record Handed(ByteBuf buffer, String what) {}

  private final Simulation simulation;
  private final String node;
  private final int number;
  private final String boot;
  private final VirtualTimer timer =
      new VirtualTimer() {
        @Override
        public long now() {
          return simulation().now();
        }

        @Override
        public void after(long nanos, Runnable what) {
          Life.this.after(nanos, what);
        }

        @Override
        protected void failed(Throwable thrown) {
          simulation().report(thrown);
        }
      };
  private final List<Runnable> atDeath = new ArrayList<>();
  private final List<Handed> handed = new ArrayList<>();
  private boolean dead;
  private boolean buried;

  /**
   * @param boot that of the node's operating system
   */
  Life(Simulation simulation, String node, int number, String boot) {
    this.boot = boot;
    this.simulation = simulation;
    this.node = node;
    this.number = number;
  }

  Simulation simulation() {
    return simulation;
  }

  String node() {
    return node;
  }

  int number() {
    return number;
  }

  String boot() {
    return boot;
  }

  /**
   * Whether it has the same hosts: they come again after a crash of the daemon, and do not know.
   */
  boolean serves(Life other) {
    return node.equals(other.node) && boot.equals(other.boot);
  }

  VirtualTimer timer() {
    return timer;
  }

  boolean dead() {
    return dead;
  }

  void after(long nanos, Runnable action) {
    simulation.after(
        nanos,
        () -> {
          if (!buried) {
            action.run();
          }
        });
  }

  /** Has something done when the life ends; it is forgotten when it is run. */
  void atDeath(Runnable action) {
    atDeath.add(action);
  }

  void forget(Runnable action) {
    atDeath.remove(action);
  }

  void die() {
    dead = true;
    List<Runnable> actions = List.copyOf(atDeath);
    atDeath.clear();
    actions.forEach(Runnable::run);
    simulation.after(AFTERLIFE, () -> buried = true);
  }

  /** Notes a buffer that the code of this life has to release. */
  <T extends ByteBuf> T handOut(T buffer, String what) {
    if (buffer.capacity() == 0) {
      return buffer;
    }
    handed.add(new Handed(buffer, what));
    if (handed.size() > 4096) {
      handed.removeIf(h -> h.buffer.refCnt() == 0);
    }
    return buffer;
  }

  /** Fails if a buffer was not released. */
  void expectNoBuffers() {
    for (Handed h : handed) {
      if (h.buffer.refCnt() != 0) {
        throw new Violation(this + " has not released " + h.what);
      }
    }
  }

  @Override
  public String toString() {
    return node + "#" + number;
  }
}
