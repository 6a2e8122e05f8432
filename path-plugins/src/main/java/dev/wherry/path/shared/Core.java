package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.path.Volume;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.Links;
import dev.wherry.path.map.BlockMap;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What the parts of a shared volume share: its state, its store, and the volume whose handler is
 * the {@linkplain PresentRole present role}'s; and the way from each of them to the others.
 *
 * <p>Safe on any thread; never blocks.
 */
final class Core {
  /** How long requests may take to end before a change of the volume's place is given up. */
  static final Duration DRAIN = Duration.ofSeconds(10);

  /** How long an operator's command waits for what is about to be so. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final Parts parts;
  private final Waits waits;
  private final Links links;
  private final Marks marks = new Marks();
  private final LongAdder foreground = new LongAdder();
  private final Turns turns;
  private final Duration patience;
  private final Fence fence = new Fence(this);
  private final KnownOwner knownOwner = new KnownOwner(this);
  private final LastHandover lastHandover = new LastHandover(this);
  private final Volume inner;
  private final Conditions conditions;
  private final DurableState durable;
  private final Losses losses;
  private final Sources sources;
  private final Receiving receiving;
  private final PresentRole presentRole;
  private volatile boolean closing;
  private volatile boolean still;
  private volatile @Nullable LayeredStore store;

  /**
   * @param stored what was put before
   * @param state what is to be; {@link #update} puts it
   */
  Core(Parts parts, ShareState stored, ShareState state) {
    this.parts = parts;
    this.waits = new Waits(parts.suid());
    this.links = waits.links(parts.links());
    conditions = new Conditions(parts.timer(), parts.ioTimeout());
    patience = shorter(PATIENCE, parts.ioTimeout().dividedBy(2));
    turns = new Turns(parts.suid(), parts.timer(), patience);
    durable =
        new DurableState(
            parts.suid(),
            parts.log(),
            stored,
            state,
            (before, next) -> {
              fence.follow(before, next);
              parts.unflushed().seen(next.losses());
            },
            conditions::check);
    losses =
        new Losses(parts.suid(), parts.node(), stored, durable, parts.unflushed(), parts.boot());
    fence.begin(state);
    Receiver receiver = null;
    if (parts.store() != null) {
      store =
          new LayeredStore(
              parts.store(),
              parts.size(),
              parts.blockSize(),
              parts.map(),
              policies(state.read(), state.ranges()));
      receiver = new Receiver(store, parts.following().batches());
    }
    receiving = new Receiving(durable::now, receiver);
    sources = new Sources(parts, waits, links, durable::now, knownOwner::learn);
    connectSource(state);
    presentRole = new PresentRole(this, receiving, state);
    inner = presentRole.inner();
  }

  // ------------------------------------------------------------------ what it consists of

  /**
   * What these read policies say of this volume's blocks.
   *
   * @throws IllegalArgumentException if one is unknown
   */
  Policies policies(String read, List<RangePolicy> ranges) {
    return new Policies(parts.readPolicies(), read, ranges, parts.blockSize());
  }

  Parts parts() {
    return parts;
  }

  String suid() {
    return parts.suid();
  }

  String node() {
    return parts.node();
  }

  long size() {
    return parts.size();
  }

  Links links() {
    return links;
  }

  boolean isUp(String node) {
    return links.to(node).map(Link::isUp).orElse(false);
  }

  /** Waits for other nodes and servers no more: the volume is not needed any longer. */
  void giveUp() {
    closing();
    waits.end();
  }

  Duration ioTimeout() {
    return parts.ioTimeout();
  }

  Volume inner() {
    return inner;
  }

  Marks marks() {
    return marks;
  }

  LongAdder foreground() {
    return foreground;
  }

  ShareState state() {
    return durable.now();
  }

  @Nullable LayeredStore store() {
    return store;
  }

  /** The store of a node that has one. */
  LayeredStore requireStore() {
    LayeredStore s = store;
    if (s == null) {
      throw new ShareException(
          Status.REFUSED,
          "node "
              + node()
              + " keeps nothing of volume "
              + suid()
              + (state().role() == Role.FORMER
                  ? " since it was released; share it with " + node() + " again"
                  : ""));
    }
    return s;
  }

  /** Refuses what only the owner may change. */
  void requireOwner(ShareState s) {
    if (s.role() != Role.OWNER || s.fence() != null) {
      throw new ShareException(
          Status.REFUSED, "node " + s.owner() + " owns volume " + suid() + ", not " + node());
    }
  }

  /** Keeps nothing any more. Done when nothing writes to what was the store. */
  CompletableFuture<Void> dropStore() {
    LayeredStore own = store;
    store = null;
    Receiver r = receiving.take();
    if (own != null) {
      Sources.closeLater(own, own.sources());
    }
    return r == null
        ? CompletableFuture.completedFuture(null)
        : r.discard().handle((v, failure) -> null).thenCompose(v -> Receiving.closed(r));
  }

  /** What serves this node's hosts, and is replaced when the role changes. */
  PresentRole presentRole() {
    return presentRole;
  }

  /** When what the owner writes is taken here. */
  Receiving receiving() {
    return receiving;
  }

  /** What others wait for may be so. */
  void checkConditions() {
    conditions.check();
  }

  /** Holds the hosts, and lets what they asked for end. */
  CompletableFuture<Void> hold() {
    return inner.suspend(DRAIN, parts.timer());
  }

  List<Extent> states(long offset, long length, int most) {
    LayeredStore s = store;
    return s == null
        ? List.of(new Extent(length, BlockState.NOT_HERE))
        : s.states(offset, length, most);
  }

  long now() {
    return parts.nanoClock().getAsLong();
  }

  private static Duration shorter(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }

  /** What changes the volume's place, one at a time. */
  Turns turns() {
    return turns;
  }

  /** Whether the store is being brought to rest: nothing more is read here for standbys. */
  boolean isStill() {
    return still;
  }

  void still(boolean value) {
    still = value;
  }

  // ------------------------------------------------------------------ state

  /** Changes the state, durably; changes follow each other. */
  CompletableFuture<ShareState> update(UnaryOperator<ShareState> change) {
    return durable.update(change);
  }

  /** Serves nobody any more. */
  void closing() {
    closing = true;
  }

  boolean isClosing() {
    return closing;
  }

  /** No change follows; done when the last one has ended. */
  CompletableFuture<Void> close() {
    return durable.close();
  }

  /** Makes the map durable as it is, so that the state need not say what is outdated in it. */
  CompletableFuture<Void> mapForced(BlockMap map) {
    return map.force().thenCompose(v -> update(s -> s.withOutdated(List.of()))).thenAccept(s -> {});
  }

  /** What hosts of this node have not flushed at other nodes. */
  Unflushed unflushed() {
    return parts.unflushed();
  }

  /** What is durable of losses. */
  Losses losses() {
    return losses;
  }

  /** What is told of the last hand-over. */
  LastHandover lastHandover() {
    return lastHandover;
  }

  /** Who owns the volume, as far as this node has heard. */
  KnownOwner knownOwner() {
    return knownOwner;
  }

  /** What keeps this node from serving a volume that another one was forced to take over. */
  Fence fence() {
    return fence;
  }

  /** As {@link #await}, but no longer than an operator's command waits. */
  CompletableFuture<Boolean> soon(BooleanSupplier condition) {
    return conditions.await(condition, patience);
  }

  /** Done once a condition on the state is met, or with false after the time that a host waits. */
  CompletableFuture<Boolean> await(BooleanSupplier condition) {
    return conditions.await(condition);
  }

  /** Gives the store the sources that a state names; nothing is in flight. */
  void connectSource(ShareState s) {
    LayeredStore own = store;
    if (own != null) {
      sources.connect(own, s);
    }
  }

  SharedVolume.Blocks blocks() {
    LayeredStore own = store;
    long total = (size() - 1) / parts.blockSize() + 1;
    if (own == null) {
      return new SharedVolume.Blocks(total, 0, 0);
    }
    BlockMap map = own.map();
    return map == null
        ? new SharedVolume.Blocks(total, total, 0)
        : new SharedVolume.Blocks(total, map.here(), map.dirty());
  }
}
