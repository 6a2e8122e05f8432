package dev.wherry.path.shared;

import dev.wherry.path.Volume;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * What serves this node's hosts in its present role: the handler that is in the volume, and, of an
 * owner, the writer that it changes the volume with. Both are replaced while the volume is
 * suspended, when the role has changed or another {@link WritePolicy} is asked for.
 *
 * <p>Safe on any thread; never blocks.
 */
final class PresentRole {
  private final Core core;
  private final Receiving receiving;
  private final Volume inner;

  /** See {@link Following#stall}. */
  private volatile boolean stall;

  /** The writer may not be the one that the state asks for. */
  private volatile boolean outmoded;

  /** Null where this node does not serve as the owner. */
  private volatile @Nullable Writer writer;

  /**
   * The store has its sources.
   *
   * @param state of the role to begin with
   */
  PresentRole(Core core, Receiving receiving, ShareState state) {
    Parts parts = core.parts();
    this.core = core;
    this.receiving = receiving;
    this.stall = parts.following().stall();
    inner = new Volume(parts.suid(), handlerFor(state), parts.nanoClock());
  }

  /** The volume whose handler is the present role's. */
  Volume inner() {
    return inner;
  }

  /**
   * What the owner's hosts change the volume with.
   *
   * @throws IllegalStateException if this node does not serve as the owner
   */
  Writer writer() {
    Writer w = writer;
    if (w == null) {
      throw new IllegalStateException("volume " + core.suid() + " is not owned here");
    }
    return w;
  }

  /** How far the source is behind; null where none follows. */
  @Nullable Lag lag() {
    Writer w = writer;
    return w == null ? null : w.lag();
  }

  /** A node can be reached that may be the source. */
  void retry() {
    Writer w = writer;
    if (w != null) {
      w.retry();
    }
  }

  /** Begins what runs by itself; once, when all of the volume is there. */
  void start() {
    Writer w = writer;
    receiving.begin();
    if (w != null) {
      w.start();
    }
  }

  /** Ends what follows, and what makes others follow; no host's request is under way. */
  CompletableFuture<Void> stopFollowing() {
    Writer w = writer;
    Receiver r = receiving.receiver();
    CompletableFuture<Void> stopped =
        w == null ? CompletableFuture.completedFuture(null) : w.stop();
    return stopped.thenCompose(
        v -> r == null ? CompletableFuture.<Void>completedFuture(null) : Receiving.closed(r));
  }

  /** Says whether hosts wait for a source that is away; see {@link Following#stall}. */
  CompletableFuture<Void> stall(boolean value) {
    boolean other = stall != value;
    stall = value;
    return rewire(other && core.state().write() == WritePolicy.THROUGH);
  }

  /**
   * Puts the writer in place that the state asks for by now. What fails is made up for when this is
   * asked for again.
   *
   * @param changed whether the state asks for another one than before
   */
  CompletableFuture<Void> rewire(boolean changed) {
    if (changed) {
      outmoded = true;
    }
    return outmoded
        ? core.turns().take("changed", this::rewire)
        : CompletableFuture.completedFuture(null);
  }

  private CompletableFuture<Void> rewire() {
    if (!outmoded || core.state().role() != Role.OWNER || core.state().fence() != null) {
      outmoded = false;
      return CompletableFuture.completedFuture(null);
    }
    return inner
        .suspend(core.ioTimeout(), core.parts().timer())
        .thenCompose(v -> writer().stop())
        .thenApply(
            v -> {
              switchRole();
              return null;
            });
  }

  /**
   * Puts the handler of the present state in place and lets requests go on; the volume is
   * suspended.
   *
   * @return how long they were held, in nanoseconds
   */
  long switchRole() {
    outmoded = false;
    inner.swap(handlerFor(core.state()));
    receiving.unseal();
    long held = inner.resume();
    receiving.accept();
    Writer w = writer;
    if (w != null) {
      w.start();
    }
    return held;
  }

  /** The handler of a role; the previous one's requests have ended. */
  private RoleHandler handlerFor(ShareState s) {
    String why = s.fence();
    LayeredStore own = core.store();
    Writer before = writer;
    if (before != null) {
      // It has been stopped, unless this node was made to stop by another one.
      before.stop().exceptionally(Failures::logged);
    }
    if (why != null) {
      writer = null;
      return new FencedHandler(core.suid(), core.size(), why);
    }
    if (s.role() != Role.OWNER) {
      writer = null;
      return new Forwarder(core, s.read());
    }
    if (own == null) {
      throw new IllegalStateException("volume " + core.suid() + " is owned here without a store");
    }
    writer = writerFor(s, own);
    return new OwnerHandler(core, this, own, s.read());
  }

  private Writer writerFor(ShareState s, LayeredStore own) {
    Source from = own.source();
    Sink sink = from == null ? null : from.sink();
    return s.write() == WritePolicy.LOCAL || sink == null || own.map() == null
        ? Writer.local(own)
        : new FollowingWriter(
            new FollowingWriter.Setup(
                core.suid(),
                own,
                sink,
                s.write() == WritePolicy.THROUGH,
                core.parts().following().stalling(stall),
                1 << 20,
                core.ioTimeout(),
                core.parts().timer(),
                core.parts().nanoClock(),
                () -> inner.flush()));
  }
}
