package dev.wherry.path.slice;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.FileSlice;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.ForwardingDevice;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** {@code length} bytes of another device, which it owns, from {@code start} on. */
public final class SliceDevice extends ForwardingDevice {
  private record Cut(ExportInfo whole, long length, ExportInfo info) {}

  private final long start;
  private volatile Cut cut;

  /**
   * @param start in bytes, a multiple of the device's minimum block
   * @param length in bytes, likewise
   * @throws IllegalArgumentException if the range is not in the device or not on its blocks
   */
  public SliceDevice(BlockDevice device, long start, long length) {
    super(device);
    ExportInfo whole = device.info();
    if (start < 0 || length < 0 || start > whole.size() - length) {
      throw new IllegalArgumentException(
          "offset %d length %d: must lie in the %d bytes of %s"
              .formatted(start, length, whole.size(), device.describe()));
    }
    checkBlocks(start, whole);
    checkBlocks(length, whole);
    this.start = start;
    this.cut = cut(whole, length);
  }

  private void checkBlocks(long value, ExportInfo whole) {
    if (value % whole.minBlock() != 0) {
      throw new IllegalArgumentException(
          "%d bytes: must be a multiple of the %d-byte block of %s"
              .formatted(value, whole.minBlock(), device.describe()));
    }
  }

  private Cut cut(ExportInfo whole, long length) {
    long left = Math.max(0, whole.size() - start);
    return new Cut(whole, length, whole.withSize(Math.min(length, left)));
  }

  /** The size is smaller than the slice's if the device shrank. */
  @Override
  public ExportInfo info() {
    Cut now = cut;
    ExportInfo whole = device.info();
    if (!now.whole.equals(whole)) {
      now = cut(whole, now.length);
      cut = now;
    }
    return now.info;
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    return device.read(start + offset, length);
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return device.write(start + offset, data, flags);
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return device.trim(start + offset, length, flags);
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return device.zero(start + offset, length, flags);
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return device.cache(start + offset, length);
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    return device.status(context, start + offset, length, maxExtents);
  }

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    return device.tryRead(start + offset, length, into);
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    return device.tryWrite(start + offset, data);
  }

  @Override
  public @Nullable FileSlice trySend(long offset, int length) {
    return device.trySend(start + offset, length);
  }

  /**
   * Shows more or less of the device, which grows where it is too small and never shrinks. What a
   * slice gains inside of the device reads as it was left there.
   */
  @Override
  public CompletableFuture<Void> resize(long size) {
    ExportInfo whole = device.info();
    if (size % whole.minBlock() != 0) {
      return Answers.failed(
          dev.wherry.nbd.NbdError.EINVAL,
          "size %d: must be a multiple of the %d-byte block of %s"
              .formatted(size, whole.minBlock(), device.describe()));
    }
    CompletableFuture<Void> room =
        start + size <= whole.size() ? Answers.done() : device.resize(start + size);
    return room.thenRun(() -> cut = cut(device.info(), size));
  }
}
