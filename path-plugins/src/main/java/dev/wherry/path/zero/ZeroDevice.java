package dev.wherry.path.zero;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.ByteSize;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Zeroes of any size. <b>Writes succeed and are forgotten.</b> It breaks the rule that what was
 * written is read back, on purpose.
 */
public final class ZeroDevice implements BlockDevice {
  private volatile ExportInfo info;

  /**
   * @param size in bytes, 0 or more
   */
  public ZeroDevice(long size, boolean readOnly) {
    this.info = ExportInfo.of(size).withDescription("zero").withReadOnly(readOnly);
  }

  @Override
  public ExportInfo info() {
    return info;
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    return CompletableFuture.completedFuture(
        ByteBufAllocator.DEFAULT.directBuffer(length, length).writeZero(length));
  }

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    into.writeZero(length);
    return true;
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return Answers.done();
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    return true;
  }

  @Override
  public CompletableFuture<Void> flush() {
    return Answers.done();
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return Answers.done();
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return Answers.done();
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return Answers.done();
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    return context.equals(Extent.BASE_ALLOCATION)
        ? CompletableFuture.completedFuture(List.of(new Extent(length, Extent.HOLE | Extent.ZERO)))
        : Answers.unknownContext(context);
  }

  @Override
  public String describe() {
    return "zero:" + ByteSize.format(info.size());
  }

  @Override
  public CompletableFuture<Void> resize(long size) {
    info = info.withSize(size);
    return Answers.done();
  }

  @Override
  public CompletableFuture<Void> close() {
    return Answers.done();
  }
}
