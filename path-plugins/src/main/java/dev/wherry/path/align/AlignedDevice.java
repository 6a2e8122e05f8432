package dev.wherry.path.align;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.BlockDevice;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A device of blocks larger than a byte, made usable at every offset and length.
 *
 * <p>Whole blocks go through as they are. A write that begins or ends within a block reads that
 * block, and writes it back with what is new; meanwhile it holds its blocks exclusively, so no
 * other write is lost. Requests for whole blocks hold theirs shared: among them any order is fine.
 * Reads hold nothing, a block is read as it was or as it is.
 */
public final class AlignedDevice implements BlockDevice {
  private static final int LARGEST_READ = 64 << 20;

  private final BlockDevice device;
  private final int unit;
  private final RangeLock locks = new RangeLock();

  private AlignedDevice(BlockDevice device) {
    this.device = device;
    this.unit = device.info().minBlock();
  }

  /** The device itself if it needs no help. The result owns it. */
  public static BlockDevice of(BlockDevice device) {
    return device.info().minBlock() == 1 ? device : new AlignedDevice(device);
  }

  /** A last block that is not whole cannot be used. */
  @Override
  public ExportInfo info() {
    ExportInfo info = device.info();
    return info.withSize(info.size() & -unit)
        .withBlocks(1, Math.max(info.preferredBlock(), Math.max(unit, 4096)));
  }

  @Override
  public String describe() {
    return device.describe();
  }

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    return aligned(offset, length) && device.tryRead(offset, length, into);
  }

  @Override
  public @Nullable FileSlice trySend(long offset, int length) {
    return aligned(offset, length) ? device.trySend(offset, length) : null;
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    int length = data.readableBytes();
    if (length == 0 || !aligned(offset, length)) {
      return false;
    }
    RangeLock.Hold hold = locks.tryLock(offset, length, false);
    if (hold == null) {
      return false;
    }
    try {
      return device.tryWrite(offset, data);
    } finally {
      hold.release();
    }
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    if (aligned(offset, length)) {
      return device.read(offset, length);
    }
    Blocks blocks = new Blocks(offset, length, unit);
    return readBlocks(blocks.outerStart(), blocks.outerLength())
        .thenApply(
            buffer ->
                buffer.setIndex(
                    buffer.readerIndex() + blocks.head(), buffer.writerIndex() - blocks.tail()));
  }

  /** Whole blocks around the longest request can be more than one request may have. */
  private CompletableFuture<ByteBuf> readBlocks(long offset, long length) {
    if (length <= LARGEST_READ) {
      return device.read(offset, (int) length);
    }
    CompletableFuture<ByteBuf> first = device.read(offset, LARGEST_READ);
    CompletableFuture<ByteBuf> rest =
        device.read(offset + LARGEST_READ, (int) (length - LARGEST_READ));
    return Buffers.joined(first, rest);
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    int length = data.readableBytes();
    if (length == 0) {
      return device.write(offset, data, flags);
    }
    Blocks blocks = new Blocks(offset, length, unit);
    return holding(
        blocks,
        !blocks.aligned(),
        () ->
            blocks.aligned()
                ? device.write(offset, data, flags)
                : writeAround(blocks, data, flags));
  }

  /** Reads the blocks at the edges and writes all blocks. The blocks are held exclusively. */
  private CompletableFuture<Void> writeAround(Blocks blocks, ByteBuf data, int flags) {
    CompletableFuture<ByteBuf> first =
        blocks.head() > 0 ? device.read(blocks.outerStart(), unit) : Buffers.none();
    CompletableFuture<ByteBuf> last =
        blocks.tail() > 0 ? device.read(blocks.outerEnd() - unit, unit) : Buffers.none();
    return Buffers.both(first, last)
        .thenCompose(
            edges -> {
              ByteBuf before = edges.first();
              ByteBuf after = edges.second();
              CompositeByteBuf all = Unpooled.compositeBuffer(3);
              all.addComponent(true, before.slice(before.readerIndex(), blocks.head()).retain());
              all.addComponent(true, data.retainedSlice());
              all.addComponent(
                  true, after.slice(after.writerIndex() - blocks.tail(), blocks.tail()).retain());
              before.release();
              after.release();
              return device
                  .write(blocks.outerStart(), all, flags)
                  .whenComplete((done, failure) -> all.release());
            });
  }

  @Override
  public CompletableFuture<Void> flush() {
    return device.flush();
  }

  /** Blocks at the edges are left alone: trim is a hint. */
  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    Blocks blocks = new Blocks(offset, length, unit);
    if (!blocks.hasInner()) {
      return CompletableFuture.completedFuture(null);
    }
    long start = blocks.innerStart();
    Blocks inner = new Blocks(start, blocks.innerEnd() - start, unit);
    return holding(inner, false, () -> device.trim(start, inner.length(), flags));
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    Blocks blocks = new Blocks(offset, length, unit);
    if (!blocks.hasInner() && (flags & FAST_ZERO) != 0) {
      return CompletableFuture.failedFuture(
          new NbdException(
              NbdError.ENOTSUP, "less than a block of " + unit + " has to be written"));
    }
    return holding(blocks, !blocks.aligned(), () -> zeroHeld(blocks, flags));
  }

  /** The middle goes first: it may refuse to be fast, and then nothing is done. */
  private CompletableFuture<Void> zeroHeld(Blocks blocks, int flags) {
    int edgeFlags = flags & FUA;
    if (!blocks.hasInner()) {
      return writeZeroes(blocks.offset(), blocks.length(), edgeFlags);
    }
    long start = blocks.innerStart();
    long end = blocks.innerEnd();
    CompletableFuture<Void> done = device.zero(start, end - start, flags);
    if (blocks.offset() < start) {
      done =
          done.thenCompose(
              middle -> writeZeroes(blocks.offset(), start - blocks.offset(), edgeFlags));
    }
    if (end < blocks.end()) {
      done = done.thenCompose(before -> writeZeroes(end, blocks.end() - end, edgeFlags));
    }
    return done;
  }

  /** Less than two blocks. */
  private CompletableFuture<Void> writeZeroes(long offset, long length, int flags) {
    ByteBuf zeroes = ByteBufAllocator.DEFAULT.directBuffer((int) length).writeZero((int) length);
    return writeAround(new Blocks(offset, length, unit), zeroes, flags)
        .whenComplete((done, failure) -> zeroes.release());
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    Blocks blocks = new Blocks(offset, length, unit);
    return device.cache(blocks.outerStart(), blocks.outerLength());
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    Blocks blocks = new Blocks(offset, length, unit);
    return device
        .status(context, blocks.outerStart(), blocks.outerLength(), maxExtents)
        .thenApply(extents -> cut(extents, blocks.head(), length));
  }

  /** The part of a list of extents that begins {@code skip} bytes on. */
  private static List<Extent> cut(List<Extent> extents, int skip, long length) {
    List<Extent> inside = new ArrayList<>(extents.size());
    long at = -skip;
    for (Extent extent : extents) {
      long start = Math.max(0, at);
      at += extent.length();
      long end = Math.min(length, at);
      if (start < end) {
        inside.add(new Extent(end - start, extent.flags()));
      }
    }
    return inside;
  }

  @Override
  public CompletableFuture<Void> resize(long size) {
    return size % unit == 0
        ? device.resize(size)
        : CompletableFuture.failedFuture(
            new NbdException(
                NbdError.EINVAL,
                describe() + ": size " + size + " is not a multiple of its block of " + unit));
  }

  @Override
  public CompletableFuture<Void> close() {
    return device.close();
  }

  private boolean aligned(long offset, int length) {
    return ((offset | length) & (unit - 1)) == 0;
  }

  private CompletableFuture<Void> holding(
      Blocks blocks, boolean exclusive, Supplier<CompletableFuture<Void>> request) {
    CompletableFuture<Void> result = new CompletableFuture<>();
    locks.lock(
        blocks.outerStart(),
        blocks.outerLength(),
        exclusive,
        hold ->
            begun(request)
                .whenComplete(
                    (done, failure) -> {
                      hold.release();
                      if (failure == null) {
                        result.complete(null);
                      } else {
                        result.completeExceptionally(failure);
                      }
                    }));
    return result;
  }

  /** A device that throws, which it must not, does not keep the range for ever. */
  private static CompletableFuture<Void> begun(Supplier<CompletableFuture<Void>> request) {
    try {
      return request.get();
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }
}
