package dev.wherry.path.shared;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.FileSlice;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A node's store of a volume: a device, the map of what of the volume is on it, and the source of
 * the rest. It knows nothing of roles: it does what whoever owns the volume asks of it, and answers
 * the fetches of those for which it is the source.
 *
 * <h2>Order</h2>
 *
 * A change of blocks that are not {@link BlockMap#settled} holds them exclusively from before the
 * map is told until the map has the outcome. Fetches hold nothing: what they bring is written under
 * the same lock, and only to blocks that are {@link BlockMap#NOT_HERE} still, so that a late fetch
 * never overwrites a newer block, nor is shown to a host instead of it. The source does not change
 * once anything was fetched from it, so a block that is not here may be read from it at any time.
 * Before that it may: an owner that was forced out goes on until it hears of that.
 *
 * <h2>Parts</h2>
 *
 * {@link Layers} is what it is made of, {@link ChangeOrder} says which change waits for which. Upon
 * these stand {@link HostReads}, {@link StoreChanges}, {@link Keeping} of what was fetched, {@link
 * NodeReads}, and the {@link Inventory} of what is here.
 *
 * <p>Safe on any thread; never blocks.
 */
final class LayeredStore {
  private final Layers layers;

  /** What is under way besides hosts' requests. */
  private final InFlight underWay = new InFlight();

  private final Keeping keeping;
  private final HostReads reads;
  private final StoreChanges changes;
  private final NodeReads nodeReads;
  private final Inventory inventory;

  LayeredStore(
      BlockDevice device, long size, int blockSize, @Nullable BlockMap map, Policies policies) {
    layers = new Layers(device, size, blockSize, map, policies);
    ChangeOrder order = new ChangeOrder(blockSize);
    Fetches fetches = new Fetches();
    keeping = new Keeping(layers, order, underWay);
    reads = new HostReads(layers, fetches, keeping);
    changes = new StoreChanges(layers, order, fetches, underWay);
    nodeReads = new NodeReads(layers);
    inventory = new Inventory(layers);
  }

  // ------------------------------------------------------------------ what it is made of

  BlockDevice device() {
    return layers.device();
  }

  long blocks() {
    return layers.blocks();
  }

  int blockSize() {
    return layers.blockSize();
  }

  long size() {
    return layers.size();
  }

  @Nullable BlockMap map() {
    return layers.map();
  }

  /** Replaces the map; nothing is in flight. Null: all is here. */
  void map(@Nullable BlockMap value) {
    layers.map(value, Answers::done);
  }

  /** As {@link #map(BlockMap)}, of one that is not durable before {@code force} has been done. */
  void map(BlockMap value, Supplier<CompletableFuture<Void>> force) {
    layers.map(value, force);
  }

  @Nullable Source source() {
    return layers.source();
  }

  /**
   * Replaces the sources; nothing is in flight.
   *
   * @param further where blocks come from that the source has not got either, or null
   */
  void source(@Nullable Source value, @Nullable Source further) {
    layers.source(value, further);
  }

  /** The source and what there is besides. */
  List<Source> sources() {
    return layers.sources();
  }

  Policies policies() {
    return layers.policies();
  }

  void policies(Policies value) {
    layers.policies(value);
  }

  /** Done when nothing is under way here but hosts' requests. */
  CompletableFuture<Void> quiet() {
    return underWay.drained();
  }

  /** Counts a request of another node in {@link #quiet}. */
  <T> CompletableFuture<T> counted(Supplier<CompletableFuture<T>> request) {
    return underWay.counted(request);
  }

  // ------------------------------------------------------------------ for hosts

  /** As {@link BlockDevice#tryRead}. */
  boolean tryRead(long offset, int length, ByteBuf into) {
    return reads.tryRead(offset, length, into);
  }

  /**
   * As {@link BlockDevice#trySend}, where all is here and there is no map. What is sent is read
   * when the host takes it. A trim may have been answered by then, after which a write is in the
   * device before the map, and with it any other read, knows of it: nobody can look once more, as
   * {@link HostReads} does.
   */
  @Nullable FileSlice trySend(long offset, int length) {
    return layers.map() == null ? layers.device().trySend(offset, length) : null;
  }

  /** As {@link BlockDevice#tryWrite}. */
  boolean tryWrite(long offset, ByteBuf data) {
    return changes.tryWrite(offset, data);
  }

  /** Reads as the owner: what is not here as the policies say. */
  CompletableFuture<ByteBuf> read(long offset, int length) {
    return reads.read(offset, length);
  }

  /** Brings the first megabytes of a range that is not here; promises nothing. */
  CompletableFuture<Void> cache(long offset, long length) {
    return reads.cache(offset, length);
  }

  /** Writes anywhere. Flags: {@link Export#FUA}. */
  CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return changes.write(offset, data, flags);
  }

  /** Makes a range read as zeroes; flags as of {@link Export#zero}. */
  CompletableFuture<Void> zero(long offset, long length, int flags) {
    return changes.zero(offset, length, flags);
  }

  /** Forgets whole blocks of a range, which then read as zeroes; its ends stay as they are. */
  CompletableFuture<Void> trim(long offset, long length, int flags) {
    return changes.trim(offset, length, flags);
  }

  CompletableFuture<Void> flush() {
    return changes.flush();
  }

  /** What a flush that failed may have lost is sent again, or counted: the next one may succeed. */
  void forgetLoss() {
    layers.forgetLoss();
  }

  // ------------------------------------------------------------------ for what comes behind

  /**
   * Writes what was fetched to the blocks that are not here still.
   *
   * @param m the map for which it was fetched
   * @param data whole blocks; released
   * @return the bytes that were written
   */
  CompletableFuture<Long> keep(@Nullable BlockMap m, long offset, ByteBuf data) {
    return keeping.keep(m, offset, data);
  }

  /** Takes note that the source has zeroes in these blocks; those that came meanwhile stay. */
  CompletableFuture<Void> keepZero(BlockMap m, long first, long end) {
    return keeping.keepZero(m, first, end);
  }

  // ------------------------------------------------------------------ for sources that follow

  /** Whether it is known of all of these blocks that they may differ from the source. */
  boolean differs(long first, long end) {
    return inventory.differs(first, end);
  }

  /**
   * Whether a write to a part of these blocks makes up the rest: they are not here, and nobody
   * needs them, or has them.
   */
  boolean makesUp(long first, long end) {
    BlockMap m = layers.map();
    for (long b = first; m != null && b < end; b++) {
      if (m.state(b) == BlockMap.NOT_HERE
          && (layers.source() == null || layers.policies().isMadeUp(b))) {
        return true;
      }
    }
    return false;
  }

  /** The source has these blocks as they are here, durably; nobody changes them meanwhile. */
  void given(long first, long end) {
    BlockMap m = layers.map();
    if (m != null) {
      m.same(first, end);
    }
  }

  // ------------------------------------------------------------------ for other nodes

  /**
   * Reads what this store has, whoever owns the volume; what it has not comes from its source,
   * unless that is the asker.
   *
   * @param asker the node's {@link Source#describe()}
   * @param length up to 1 MiB, on whole units
   */
  CompletableFuture<Fetched> fetch(String asker, long offset, int length, Priority priority) {
    return nodeReads.fetch(asker, offset, length, priority);
  }

  /**
   * Has the device hold the zeroes that the map alone may know of: it will not be asked any more.
   */
  CompletableFuture<Void> zeroDevice(BlockMap m) {
    if (!m.takesData()) {
      return Keeping.noRoom();
    }
    CompletableFuture<Void> done = Answers.done();
    for (Run run : inventory.zeroes(m)) {
      long start = run.from() * layers.blockSize();
      long bytes = layers.bytes(run.from(), run.end());
      done = done.thenCompose(v -> layers.device().zero(start, bytes, 0));
    }
    return done;
  }

  // ------------------------------------------------------------------ what is here

  /**
   * Which parts read as zeroes, from {@code offset} on: {@link Extent#ZERO}.
   *
   * @param asker as for {@link #fetch}; empty for hosts
   */
  CompletableFuture<List<Extent>> extents(String asker, long offset, long length, int most) {
    return inventory.extents(asker, offset, length, most);
  }

  /** The state of blocks as {@code wherry:state} shows it. */
  List<Extent> states(long offset, long length, int most) {
    return inventory.states(offset, length, most);
  }

  /** The runs of blocks that may differ from the source; all, where there is no map. */
  List<Run> dirty() {
    return inventory.dirty();
  }

  /** Whether a block is not here. */
  boolean isMissingAny() {
    return inventory.isMissingAny();
  }
}
