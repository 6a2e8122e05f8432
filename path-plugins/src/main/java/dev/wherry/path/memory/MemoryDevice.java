package dev.wherry.path.memory;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.ByteSize;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A device in memory. What was never written, or was trimmed or zeroed by whole pages, takes no
 * room and reads as zeroes. Durable means only: until it is closed.
 *
 * <p>Every request is done at once on the caller's thread, on any number of threads together.
 */
public final class MemoryDevice implements BlockDevice {
  /** The largest size in bytes: 64 TiB. */
  public static final long MAX_SIZE = 1L << 46;

  private final MemoryBudget budget;
  private final Pages pages;
  private volatile ExportInfo info;

  /** A writable device of {@code size} bytes that may fill completely. */
  public MemoryDevice(long size) {
    this(size, false, new MemoryBudget(Long.MAX_VALUE));
  }

  /**
   * @param size in bytes, 0 to {@link #MAX_SIZE}
   * @param budget what pages are taken from; where it is used up, writes fail with ENOSPC
   */
  public MemoryDevice(long size, boolean readOnly, MemoryBudget budget) {
    this.budget = budget;
    this.pages = new Pages(budget);
    this.info = ExportInfo.of(checked(size)).withDescription("memory").withReadOnly(readOnly);
  }

  private static long checked(long size) {
    if (size < 0 || size > MAX_SIZE) {
      throw new IllegalArgumentException(
          "memory:" + size + ": the size must be 0 to " + ByteSize.format(MAX_SIZE));
    }
    return size;
  }

  @Override
  public ExportInfo info() {
    return info;
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    ByteBuf into = ByteBufAllocator.DEFAULT.directBuffer(length, length);
    tryRead(offset, length, into);
    return CompletableFuture.completedFuture(into);
  }

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    long at = offset;
    long end = offset + length;
    while (at < end) {
      int within = (int) (at % Pages.SIZE);
      int n = (int) Math.min(Pages.SIZE - within, end - at);
      ByteBuf page = pages.get(at / Pages.SIZE);
      if (page == null) {
        into.writeZero(n);
      } else {
        into.writeBytes(page, within, n);
        page.release();
      }
      at += n;
    }
    return true;
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return tryWrite(offset, data) ? Answers.done() : full(offset, data.readableBytes());
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    long at = offset;
    int from = data.readerIndex();
    while (from < data.writerIndex()) {
      int within = (int) (at % Pages.SIZE);
      int n = Math.min(Pages.SIZE - within, data.writerIndex() - from);
      ByteBuf page = pages.getOrMake(at / Pages.SIZE);
      if (page == null) {
        return false;
      }
      page.setBytes(within, data, from, n);
      page.release();
      at += n;
      from += n;
    }
    return true;
  }

  @Override
  public CompletableFuture<Void> flush() {
    return Answers.done();
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    clear(offset, length, info.size());
    return Answers.done();
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    if ((flags & NO_HOLE) == 0) {
      clear(offset, length, info.size());
      return Answers.done();
    }
    long end = offset + length;
    for (long at = offset; at < end; ) {
      int within = (int) (at % Pages.SIZE);
      int n = (int) Math.min(Pages.SIZE - within, end - at);
      ByteBuf page = pages.getOrMake(at / Pages.SIZE);
      if (page == null) {
        return full(offset, length);
      }
      page.setZero(within, n);
      page.release();
      at += n;
    }
    return Answers.done();
  }

  private static long pageAfter(long offset) {
    return (offset + Pages.SIZE - 1) / Pages.SIZE;
  }

  private void clear(long offset, long length, long size) {
    long end = offset + length;
    long firstWhole = pageAfter(offset);
    long endWhole = end == size ? pageAfter(end) : end / Pages.SIZE;
    if (firstWhole >= endWhole) {
      clearPart(offset, end);
      return;
    }
    clearPart(offset, firstWhole * Pages.SIZE);
    pages.dropRange(firstWhole, endWhole);
    clearPart(endWhole * Pages.SIZE, end);
  }

  /** Zeroes a range that fills no page; it may lie in two. */
  private void clearPart(long from, long to) {
    for (long at = from; at < to; ) {
      int within = (int) (at % Pages.SIZE);
      int n = (int) Math.min(Pages.SIZE - within, to - at);
      ByteBuf page = pages.get(at / Pages.SIZE);
      if (page != null) {
        page.setZero(within, n);
        page.release();
      }
      at += n;
    }
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return Answers.done();
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    if (!context.equals(Extent.BASE_ALLOCATION)) {
      return Answers.unknownContext(context);
    }
    List<Extent> extents = new ArrayList<>();
    long end = offset + length;
    for (long at = offset; at < end && extents.size() < maxExtents; ) {
      boolean present = pages.present(at / Pages.SIZE);
      long to = Math.min(end, runEnd(at / Pages.SIZE, present, end));
      extents.add(new Extent(to - at, present ? 0 : Extent.HOLE | Extent.ZERO));
      at = to;
    }
    return CompletableFuture.completedFuture(extents);
  }

  /** Where the run of present or absent pages ends that {@code page} is in, in bytes. */
  private long runEnd(long page, boolean present, long end) {
    long p = page;
    do {
      p = present ? p + 1 : Math.max(p + 1, pages.skipAbsent(p));
    } while (p * Pages.SIZE < end && pages.present(p) == present);
    return p * Pages.SIZE;
  }

  @Override
  public String describe() {
    return "memory:" + ByteSize.format(info.size());
  }

  @Override
  public CompletableFuture<Void> resize(long size) {
    if (size > MAX_SIZE) {
      return full(MAX_SIZE, size - MAX_SIZE);
    }
    long old = info.size();
    if (size < old) {
      // So that the range reads as zeroes when the device grows again.
      clear(size, old - size, old);
    }
    info = info.withSize(size);
    return Answers.done();
  }

  @Override
  public CompletableFuture<Void> close() {
    pages.dropRange(0, pageAfter(info.size()));
    return Answers.done();
  }

  private CompletableFuture<Void> full(long offset, long length) {
    return Answers.failed(
        NbdError.ENOSPC,
        "%s: no memory to write offset %d length %d, %s of %s are in use"
            .formatted(
                describe(),
                offset,
                length,
                ByteSize.format(budget.taken()),
                ByteSize.format(budget.limit())));
  }
}
