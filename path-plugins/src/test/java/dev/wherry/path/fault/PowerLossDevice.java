package dev.wherry.path.fault;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.memory.MemoryDevice;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A disk with a volatile write cache, that can lose its power.
 *
 * <pre>
 *   write, trim, zero --> cache (in order) --flush--> medium
 *                  \--------- with FUA -------------> medium, and out of what the cache has of it
 *   read  &lt;-- medium, overlaid by the cache in order
 * </pre>
 *
 * A power loss takes the cache: each {@link Loss} says how much of it had reached the medium on its
 * own by then. What was flushed, or written with FUA, is there whatever happens. When the cache is
 * full its oldest entry goes to the medium, as in a real disk.
 *
 * <p>Requests complete on the caller's thread, one at a time. No attempts.
 */
public final class PowerLossDevice implements BlockDevice {
  /** How much of the cache reaches the medium at a power loss. */
  public enum Loss {
    /** Nothing. */
    ALL(0),
    /** Each aligned 4 KiB of each write, or not, by chance. */
    RANDOM(4096),
    /** Each aligned 512 bytes of each write, or not, by chance. */
    TORN(512),
    /** The oldest writes up to a random one. */
    PREFIX(0);

    private final int unit;

    Loss(int unit) {
      this.unit = unit;
    }
  }

  /** A change; {@code bytes} null means zeroes. */
  private static final class Entry {
    final long offset;
    final long length;
    final byte @Nullable [] bytes;

    Entry(long offset, long length, byte @Nullable [] bytes) {
      this.offset = offset;
      this.length = length;
      this.bytes = bytes;
    }

    long end() {
      return offset + length;
    }

    Entry part(long from, long to) {
      byte[] piece =
          bytes == null
              ? null
              : java.util.Arrays.copyOfRange(bytes, (int) (from - offset), (int) (to - offset));
      return new Entry(from, to - from, piece);
    }
  }

  private final MemoryDevice medium;
  private final long cacheLimit;
  private final Random random;
  private List<Entry> cache = new ArrayList<>();
  private long cached;

  /**
   * @param cacheLimit bytes that the cache holds
   * @param seed decides what a power loss leaves
   */
  public PowerLossDevice(long size, long cacheLimit, long seed) {
    this.medium = new MemoryDevice(size);
    this.cacheLimit = cacheLimit;
    this.random = new Random(seed);
  }

  /** Loses the power, and has it again. Requests that come at the same time are before or after. */
  public synchronized void lose(Loss loss) {
    if (loss == Loss.PREFIX) {
      cache.subList(0, random.nextInt(cache.size() + 1)).forEach(this::store);
    } else if (loss != Loss.ALL) {
      cache.forEach(e -> storeSome(e, loss.unit));
    }
    empty();
  }

  /** Bytes that a power loss could take now. */
  public synchronized long unflushed() {
    return cached;
  }

  private void storeSome(Entry entry, int unit) {
    for (long at = entry.offset; at < entry.end(); ) {
      long to = Math.min(entry.end(), (at / unit + 1) * unit);
      if (random.nextBoolean()) {
        store(entry.part(at, to));
      }
      at = to;
    }
  }

  private void store(Entry entry) {
    if (entry.bytes == null) {
      medium.zero(entry.offset, entry.length, 0).join();
    } else {
      medium.tryWrite(entry.offset, io.netty.buffer.Unpooled.wrappedBuffer(entry.bytes));
    }
  }

  private void empty() {
    cache = new ArrayList<>();
    cached = 0;
  }

  private synchronized CompletableFuture<Void> change(Entry entry, int flags) {
    if ((flags & FUA) == 0) {
      cache.add(entry);
      cached += cost(entry);
      while (cached > cacheLimit) {
        Entry oldest = cache.remove(0);
        cached -= cost(oldest);
        store(oldest);
      }
      return Answers.done();
    }
    List<Entry> rest = new ArrayList<>();
    for (Entry old : cache) {
      if (old.offset < Math.min(old.end(), entry.offset)) {
        rest.add(old.part(old.offset, Math.min(old.end(), entry.offset)));
      }
      if (Math.max(old.offset, entry.end()) < old.end()) {
        rest.add(old.part(Math.max(old.offset, entry.end()), old.end()));
      }
    }
    cache = rest;
    cached = rest.stream().mapToLong(PowerLossDevice::cost).sum();
    store(entry);
    return Answers.done();
  }

  private static long cost(Entry entry) {
    return entry.bytes == null ? 1 : entry.length;
  }

  @Override
  public ExportInfo info() {
    return medium.info();
  }

  @Override
  public synchronized CompletableFuture<ByteBuf> read(long offset, int length) {
    ByteBuf data = medium.read(offset, length).join();
    for (Entry e : cache) {
      long from = Math.max(offset, e.offset);
      long to = Math.min(offset + length, e.end());
      if (from < to && e.bytes == null) {
        data.setZero((int) (from - offset), (int) (to - from));
      } else if (from < to) {
        data.setBytes((int) (from - offset), e.bytes, (int) (from - e.offset), (int) (to - from));
      }
    }
    return CompletableFuture.completedFuture(data);
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    byte[] bytes = ByteBufUtil.getBytes(data, data.readerIndex(), data.readableBytes(), true);
    return change(new Entry(offset, bytes.length, bytes), flags);
  }

  @Override
  public synchronized CompletableFuture<Void> flush() {
    cache.forEach(this::store);
    empty();
    return Answers.done();
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return zero(offset, length, flags);
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return change(new Entry(offset, length, null), flags);
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return Answers.done();
  }

  /** Says nothing but that there is data. */
  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    return context.equals(Extent.BASE_ALLOCATION)
        ? CompletableFuture.completedFuture(List.of(new Extent(length, 0)))
        : Answers.unknownContext(context);
  }

  @Override
  public String describe() {
    return "power loss over " + medium.describe();
  }

  @Override
  public CompletableFuture<Void> resize(long size) {
    return Answers.failed(NbdError.ENOTSUP, describe() + " keeps its size");
  }

  @Override
  public CompletableFuture<Void> close() {
    return medium.close();
  }
}
