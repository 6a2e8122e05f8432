package dev.wherry.path.shared;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.FileSlice;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.align.RangeLock;
import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.move.ReadAhead;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
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
 * never overwrites a newer block. The source does not change while it is one, so a block that is
 * not here may be read from it at any time.
 *
 * <p>Safe on any thread; never blocks.
 */
final class LayeredStore {
  private static final int LARGEST_FETCH = 1 << 20;
  private static final int UNIT = BlockMap.UNIT;

  /**
   * After so many bytes that the map was told of it is committed, also for hosts that never flush.
   */
  private static final long COMMIT_BYTES = 64 << 20;

  /** What is fetched ahead of a host that reads in sequence, at most. */
  private static final long AHEAD = 2 << 20;

  private final BlockDevice device;
  private final long size;
  private final int blockSize;
  private final long blocks;
  private final RangeLock locks = new RangeLock();
  private final Fetches fetches = new Fetches();
  private final InFlight keeping = new InFlight();
  private final ReadAhead ahead;

  /**
   * Changes under way that may write more of a block than was given, or unsettle it. While there
   * are any, no write goes past the locks. A write that sees none of them needs no lock even if one
   * begins just then: it will see, as the write did, that the block is settled, and write there
   * what it was given alone; or it waits for the {@link #passing} ones, if it is one that
   * unsettles.
   */
  private final AtomicInteger widening = new AtomicInteger();

  /** Writes under way that went past the locks. */
  private final AtomicInteger passing = new AtomicInteger();

  private final Queue<Runnable> afterPassing = new ConcurrentLinkedQueue<>();

  /** Bytes written since the last commit that the map had to be told of. */
  private final AtomicLong uncommitted = new AtomicLong();

  private volatile @Nullable BlockMap map;
  private volatile @Nullable Source source;
  private volatile @Nullable Source base;
  private volatile Policies policies;

  LayeredStore(
      BlockDevice device, long size, int blockSize, @Nullable BlockMap map, Policies policies) {
    this.device = device;
    this.size = size;
    this.blockSize = blockSize;
    this.blocks = (size + blockSize - 1) / blockSize;
    this.ahead = new ReadAhead(blockSize, blocks, AHEAD);
    this.map = map;
    this.policies = policies;
  }

  BlockDevice device() {
    return device;
  }

  @Nullable BlockMap map() {
    return map;
  }

  /** Replaces the map; nothing is in flight. Null: all is here. */
  void map(@Nullable BlockMap value) {
    map = value;
  }

  @Nullable Source source() {
    return source;
  }

  /**
   * Replaces the sources; nothing is in flight.
   *
   * @param further where blocks come from that the source has not got either, or null
   */
  void source(@Nullable Source value, @Nullable Source further) {
    source = value;
    base = further;
  }

  /** Where a block that is not here comes from when another node wants it; never from that node. */
  private @Nullable Source sourceFor(String asker) {
    Source first = source;
    if (first == null || !first.describe().equals(asker)) {
      return first;
    }
    Source further = base;
    return further == null || further.describe().equals(asker) ? null : further;
  }

  Policies policies() {
    return policies;
  }

  void policies(Policies value) {
    policies = value;
  }

  long blocks() {
    return blocks;
  }

  int blockSize() {
    return blockSize;
  }

  long size() {
    return size;
  }

  /** Done when nothing is under way here but hosts' requests. */
  CompletableFuture<Void> quiet() {
    return keeping.drained();
  }

  /** Counts a request of another node in {@link #quiet}. */
  <T> CompletableFuture<T> counted(Supplier<CompletableFuture<T>> request) {
    keeping.enter();
    try {
      return request.get().whenComplete((v, failure) -> keeping.leave());
    } catch (RuntimeException e) {
      keeping.leave();
      throw e;
    }
  }

  // ------------------------------------------------------------------ attempts

  /** Whether the device alone answers reads of the range. */
  private boolean plainRead(@Nullable BlockMap m, long offset, long length) {
    if (m == null) {
      return true;
    }
    long end = (offset + length - 1) / blockSize + 1;
    for (long b = offset / blockSize; b < end; b = b + 1 == end ? end : m.runEnd(b, end)) {
      int state = m.state(b);
      if (state == BlockMap.NOT_HERE || state == BlockMap.ZERO) {
        return false;
      }
    }
    return true;
  }

  boolean tryRead(long offset, int length, ByteBuf into) {
    return plainRead(map, offset, length) && device.tryRead(offset, length, into);
  }

  @Nullable FileSlice trySend(long offset, int length) {
    return plainRead(map, offset, length) ? device.trySend(offset, length) : null;
  }

  boolean tryWrite(long offset, ByteBuf data) {
    BlockMap m = map;
    if (m == null) {
      return device.tryWrite(offset, data);
    }
    if (!mayPass(m, offset, data.readableBytes())) {
      return false;
    }
    try {
      return device.tryWrite(offset, data);
    } finally {
      passed();
    }
  }

  /** Whether a write may go past the locks; it calls {@link #passed} when it has ended. */
  private boolean mayPass(BlockMap m, long offset, long length) {
    passing.incrementAndGet();
    boolean settled =
        length == 0 || m.settled(offset / blockSize, (offset + length - 1) / blockSize + 1);
    if (settled && widening.get() == 0) {
      return true;
    }
    passed();
    return false;
  }

  private void passed() {
    if (passing.decrementAndGet() == 0) {
      runAfterPassing();
    }
  }

  /** Runs what waits until the writes are through that went past the locks before. */
  private void runAfterPassing() {
    while (passing.get() == 0) {
      Runnable next = afterPassing.poll();
      if (next == null) {
        return;
      }
      next.run();
    }
  }

  // ------------------------------------------------------------------ reading for hosts

  /** Reads as the owner: what is not here as the policies say. */
  CompletableFuture<ByteBuf> read(long offset, int length) {
    BlockMap m = map;
    if (plainRead(m, offset, length)) {
      return device.read(offset, length);
    }
    List<CompletableFuture<ByteBuf>> parts = new ArrayList<>();
    long stop = offset + length;
    for (long at = offset; at < stop; ) {
      long block = at / blockSize;
      long end = (stop - 1) / blockSize + 1;
      int state = m.state(block);
      long runEnd = Math.min(stop, m.runEnd(block, end) * blockSize);
      switch (state) {
        case BlockMap.NOT_HERE -> runEnd = missing(m, at, runEnd, parts);
        case BlockMap.ZERO ->
            parts.add(CompletableFuture.completedFuture(Buffers.zeroes((int) (runEnd - at))));
        default -> parts.add(device.read(at, (int) (runEnd - at)));
      }
      at = runEnd;
    }
    readAhead(m, offset, stop);
    return Buffers.join(parts);
  }

  /** Fetches what a host that reads in sequence will ask for next, as far as it is kept here. */
  private void readAhead(BlockMap m, long offset, long stop) {
    ReadAhead.Range next = ahead.observe(offset / blockSize, (stop - 1) / blockSize + 1);
    if (!next.isEmpty()) {
      bring(m, next.from(), next.end());
    }
  }

  /** Fetches blocks that are not here and would be kept, for hosts that may want them soon. */
  private void bring(BlockMap m, long first, long end) {
    Source from = source;
    long step = Math.max(1, LARGEST_FETCH / blockSize);
    for (long b = m.next(BlockMap.NOT_HERE, first, end); from != null && b < end; ) {
      ReadPolicy policy = policies.at(b);
      long to = Math.min(policies.runEnd(b, m.runEnd(b, end)), b + step);
      if (policy == ReadPolicy.MOVE || policy == ReadPolicy.PULL) {
        long start = b * blockSize;
        fetches
            .fetch(from, start, (int) (Math.min(size, to * blockSize) - start))
            .thenCompose(data -> keep(m, start, data))
            .exceptionally(failure -> 0L);
      }
      b = m.next(BlockMap.NOT_HERE, to, end);
    }
  }

  /** Brings the first megabytes of a range that is not here; promises nothing. */
  CompletableFuture<Void> cache(long offset, long length) {
    BlockMap m = map;
    if (m == null) {
      return device.cache(offset, length);
    }
    if (length > 0) {
      long stop = offset + Math.min(length, 4 * AHEAD);
      bring(m, offset / blockSize, (stop - 1) / blockSize + 1);
    }
    return Answers.done();
  }

  /** Adds the parts for a range that is not here; returns where they end. */
  private long missing(BlockMap m, long at, long stop, List<CompletableFuture<ByteBuf>> parts) {
    long block = at / blockSize;
    ReadPolicy policy = policies.at(block);
    long end = Math.min(stop, policies.runEnd(block, blocks) * blockSize);
    end = Math.min(end, at / LARGEST_FETCH * LARGEST_FETCH + LARGEST_FETCH);
    Source from = source;
    if (policy == ReadPolicy.FAIL || from == null) {
      parts.add(CompletableFuture.failedFuture(NotHere.at(from)));
    } else {
      boolean keep = policy != ReadPolicy.REDIRECT;
      int grain = keep ? blockSize : UNIT;
      long start = at / grain * grain;
      long last = Math.min(size, (end + grain - 1) / grain * grain);
      int skip = (int) (at - start);
      int want = (int) (end - at);
      parts.add(
          fetches
              .fetch(from, start, (int) (last - start))
              .thenApply(
                  data -> {
                    ByteBuf part = data.retainedSlice(data.readerIndex() + skip, want);
                    if (keep) {
                      keep(m, start, data).exceptionally(failure -> 0L);
                    } else {
                      data.release();
                    }
                    return part;
                  }));
    }
    return end;
  }

  /**
   * Writes what was fetched to the blocks that are not here still.
   *
   * @param m the map for which it was fetched: where that is not the map any more, the blocks may
   *     have come from elsewhere meanwhile, and gone again
   * @param data whole blocks; released
   * @return the bytes that were written
   */
  CompletableFuture<Long> keep(@Nullable BlockMap m, long offset, ByteBuf data) {
    long first = offset / blockSize;
    long end = (offset + data.readableBytes() + blockSize - 1) / blockSize;
    // Counted first: whoever replaces the map waits until nothing is counted.
    return counted(
        () -> {
          if (m == null || m != map || m.next(BlockMap.NOT_HERE, first, end) == end) {
            data.release();
            return CompletableFuture.completedFuture(0L);
          }
          return locks.during(
              first,
              end - first,
              () ->
                  keepHeld(m, first, end, offset, data)
                      .whenComplete((bytes, failure) -> data.release()));
        });
  }

  private CompletableFuture<Long> keepHeld(
      BlockMap m, long first, long end, long offset, ByteBuf data) {
    List<CompletableFuture<?>> writes = new ArrayList<>();
    long bytes = 0;
    for (long b = m.next(BlockMap.NOT_HERE, first, end); b < end; ) {
      long from = b;
      long to = m.runEnd(from, end);
      long start = from * blockSize;
      int length = (int) (Math.min(size, to * blockSize) - start);
      ByteBuf part = data.slice(data.readerIndex() + (int) (start - offset), length);
      bytes += length;
      writes.add(device.write(start, part, 0).thenRun(() -> m.hydrated(from, to)));
      b = m.next(BlockMap.NOT_HERE, to, end);
    }
    long total = bytes;
    return Answers.join(writes).thenApply(v -> total);
  }

  /** Takes note that the source has zeroes in these blocks; those that came meanwhile stay. */
  CompletableFuture<Void> keepZero(BlockMap m, long first, long end) {
    return counted(
        () ->
            m == map
                ? locks.during(first, end - first, () -> keepZeroHeld(m, first, end))
                : Answers.done());
  }

  private CompletableFuture<Void> keepZeroHeld(BlockMap m, long first, long end) {
    List<CompletableFuture<?>> zeroed = new ArrayList<>();
    for (long b = m.next(BlockMap.NOT_HERE, first, end); b < end; ) {
      long from = b;
      long to = m.runEnd(from, end);
      long start = from * blockSize;
      zeroed.add(
          device
              .zero(start, Math.min(size, to * blockSize) - start, 0)
              .thenRun(() -> m.hydratedHole(from, to)));
      b = m.next(BlockMap.NOT_HERE, to, end);
    }
    return Answers.join(zeroed);
  }

  // ------------------------------------------------------------------ writing

  /** Writes anywhere. Flags: {@link Export#FUA}. */
  CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    BlockMap m = map;
    int length = data.readableBytes();
    if (m == null) {
      return device.write(offset, data, flags);
    }
    if (mayPass(m, offset, length)) {
      return device.write(offset, data, flags).whenComplete((v, failure) -> passed());
    }
    return new UnsettledWrite(this, m, offset, data).run().thenCompose(v -> fua(flags));
  }

  private CompletableFuture<Void> fua(int flags) {
    return (flags & Export.FUA) == 0 ? Answers.done() : flush();
  }

  /**
   * Holds blocks for a write that may write more of them than it was given.
   *
   * @param work what to do with them; does not throw
   */
  CompletableFuture<Void> widened(long first, long end, Supplier<CompletableFuture<Void>> work) {
    widening.incrementAndGet();
    return locks.during(
        first,
        end - first,
        () -> work.get().whenComplete((v, failure) -> widening.decrementAndGet()));
  }

  /** The data of a block that is written in part and is not here; empty if it is here. */
  CompletableFuture<ByteBuf> missingBlock(long block) {
    BlockMap m = map;
    if (m == null || m.state(block) != BlockMap.NOT_HERE) {
      return CompletableFuture.completedFuture(Unpooled.EMPTY_BUFFER);
    }
    long start = block * blockSize;
    int length = (int) (Math.min(size, start + blockSize) - start);
    Source from = source;
    // What may not be fetched is disposable, and what is nowhere cannot be.
    return from == null || policies.at(block) == ReadPolicy.FAIL
        ? CompletableFuture.completedFuture(Buffers.zeroes(length))
        : fetches.fetch(from, start, length);
  }

  /** Makes a range read as zeroes; flags as of {@link Export#zero}. */
  CompletableFuture<Void> zero(long offset, long length, int flags) {
    BlockMap m = map;
    if (m == null) {
      return device.zero(offset, length, flags);
    }
    long stop = offset + length;
    long first = (offset + blockSize - 1) / blockSize;
    long end = stop == size ? blocks : stop / blockSize;
    int quiet = flags & Export.NO_HOLE;
    if (first >= end) {
      // Within one block, or across the border of two.
      return zeroPart(offset, (int) length).thenCompose(v -> fua(flags));
    }
    List<CompletableFuture<?>> parts = new ArrayList<>();
    long start = first * blockSize;
    long finish = Math.min(size, end * blockSize);
    if (start > offset) {
      parts.add(zeroPart(offset, (int) (start - offset)));
    }
    parts.add(forget(m, first, end, () -> device.zero(start, finish - start, quiet)));
    if (stop > finish) {
      parts.add(zeroPart(finish, (int) (stop - finish)));
    }
    return Answers.join(parts).thenCompose(v -> fua(flags));
  }

  private CompletableFuture<Void> zeroPart(long offset, int length) {
    ByteBuf zeroes = Buffers.zeroes(length);
    return write(offset, zeroes, 0).whenComplete((v, failure) -> zeroes.release());
  }

  /** Forgets whole blocks of a range, which then read as zeroes; its ends stay as they are. */
  CompletableFuture<Void> trim(long offset, long length, int flags) {
    BlockMap m = map;
    if (m == null) {
      return device.trim(offset, length, flags);
    }
    long stop = offset + length;
    long first = (offset + blockSize - 1) / blockSize;
    long end = stop == size ? blocks : stop / blockSize;
    if (first >= end) {
      return fua(flags);
    }
    long start = first * blockSize;
    long bytes = Math.min(size, end * blockSize) - start;
    // Zeroed, since a block that reads as zeroes must go on to when the map is not there any more.
    return forget(m, first, end, () -> device.zero(start, bytes, 0)).thenCompose(v -> fua(flags));
  }

  private interface Erase {
    CompletableFuture<Void> run();
  }

  /** Unsettles blocks: after the writes that took them for settled, before any that will not. */
  private CompletableFuture<Void> forget(BlockMap m, long first, long end, Erase erase) {
    CompletableFuture<Void> result = new CompletableFuture<>();
    widening.incrementAndGet();
    afterPassing.add(
        () ->
            locks
                .during(
                    first,
                    end - first,
                    () ->
                        m.zeroed(first, end)
                            .thenCompose(v -> erase.run())
                            .whenComplete((v, failure) -> widening.decrementAndGet()))
                .whenComplete((v, failure) -> Failures.pass(null, failure, result)));
    runAfterPassing();
    return result;
  }

  /** Takes note of bytes that the map was told of; commits when they are many. */
  void commitAfter(long bytes) {
    if (uncommitted.addAndGet(bytes) >= COMMIT_BYTES) {
      keeping.enter();
      flush().whenComplete((v, failure) -> keeping.leave());
    }
  }

  CompletableFuture<Void> flush() {
    BlockMap m = map;
    uncommitted.set(0);
    return m == null ? device.flush() : m.commit(device::flush);
  }

  // ------------------------------------------------------------------ for sources that follow

  /** Whether it is known of all of these blocks that they may differ from the source. */
  boolean differs(long first, long end) {
    BlockMap m = map;
    for (long b = first; m != null && b < end; b = m.runEnd(b, end)) {
      int state = m.state(b);
      if (state != BlockMap.NEWER && state != BlockMap.ZERO) {
        return false;
      }
    }
    return true;
  }

  /** The source has these blocks as they are here, durably; nobody changes them meanwhile. */
  void given(long first, long end) {
    BlockMap m = map;
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
    BlockMap m = map;
    List<CompletableFuture<ByteBuf>> parts = new ArrayList<>();
    List<Run> absent = new ArrayList<>();
    long stop = offset + length;
    for (long at = offset; at < stop; ) {
      long block = at / blockSize;
      long end = (stop - 1) / blockSize + 1;
      int state = m == null ? BlockMap.SAME : m.state(block);
      long runEnd = m == null ? stop : Math.min(stop, m.runEnd(block, end) * blockSize);
      int bytes = (int) (runEnd - at);
      if (state == BlockMap.NOT_HERE) {
        Source from = sourceFor(asker);
        if (from == null) {
          Run.append(absent, block, (runEnd + blockSize - 1) / blockSize);
          parts.add(CompletableFuture.completedFuture(Buffers.zeroes(bytes)));
        } else {
          parts.add(from.fetch(at, bytes, priority));
        }
      } else if (state == BlockMap.ZERO) {
        parts.add(CompletableFuture.completedFuture(Buffers.zeroes(bytes)));
      } else {
        parts.add(device.read(at, bytes));
      }
      at = runEnd;
    }
    return Buffers.join(parts).thenApply(data -> new Fetched(data, absent));
  }

  /**
   * Which parts read as zeroes, from {@code offset} on: {@link Extent#ZERO}.
   *
   * @param asker as for {@link #fetch}; empty for hosts
   */
  CompletableFuture<List<Extent>> extents(String asker, long offset, long length, int most) {
    BlockMap m = map;
    if (m == null) {
      return device.status(Extent.BASE_ALLOCATION, offset, length, most);
    }
    long block = offset / blockSize;
    long end = (offset + length - 1) / blockSize + 1;
    long run = Math.min(offset + length, m.runEnd(block, end) * blockSize) - offset;
    Source from = sourceFor(asker);
    return switch (m.state(block)) {
      case BlockMap.ZERO ->
          CompletableFuture.completedFuture(List.of(new Extent(run, Extent.HOLE | Extent.ZERO)));
      case BlockMap.NOT_HERE ->
          from == null || from.describe().equals(asker) || policies.at(block) == ReadPolicy.FAIL
              ? CompletableFuture.completedFuture(List.of(new Extent(run, 0)))
              : from.extents(offset, run);
      default -> device.status(Extent.BASE_ALLOCATION, offset, run, most);
    };
  }

  /** The state of blocks as {@code wherry:state} shows it. */
  List<Extent> states(long offset, long length, int most) {
    BlockMap m = map;
    if (m == null) {
      return List.of(new Extent(length, 0));
    }
    List<Extent> extents = new ArrayList<>();
    long stop = offset + length;
    for (long at = offset; at < stop && extents.size() < most; ) {
      long block = at / blockSize;
      long end = (stop - 1) / blockSize + 1;
      long to = Math.min(stop, m.runEnd(block, end) * blockSize);
      extents.add(new Extent(to - at, BlockState.flags(m.state(block))));
      at = to;
    }
    return extents;
  }

  /**
   * Has the device hold the zeroes that the map alone may know of: it will not be asked any more.
   */
  CompletableFuture<Void> zeroDevice(BlockMap m) {
    CompletableFuture<Void> done = Answers.done();
    for (Run run : runs(m, BlockMap.ZERO, BlockMap.ZERO)) {
      long start = run.from() * blockSize;
      long bytes = Math.min(size, run.end() * blockSize) - start;
      done = done.thenCompose(v -> device.zero(start, bytes, 0));
    }
    return done;
  }

  /** The runs of blocks that may differ from the source; all, where there is no map. */
  List<Run> dirty() {
    BlockMap m = map;
    return m == null ? List.of(new Run(0, blocks)) : runs(m, BlockMap.NEWER, BlockMap.ZERO);
  }

  /** The runs of blocks that are not here. */
  List<Run> absent() {
    BlockMap m = map;
    return m == null ? List.of() : runs(m, BlockMap.NOT_HERE, BlockMap.NOT_HERE);
  }

  /** The runs of blocks in one of two states. */
  static List<Run> runs(BlockMap m, int oneState, int otherState) {
    List<Run> runs = new ArrayList<>();
    for (long b = 0; b < m.blocks(); ) {
      long to = m.runEnd(b, m.blocks());
      int state = m.state(b);
      if (state == oneState || state == otherState) {
        Run.append(runs, b, to);
      }
      b = to;
    }
    return runs;
  }
}
