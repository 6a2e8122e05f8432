package dev.wherry.path.align;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.FileSlice;
import dev.wherry.path.BlockDevice;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A device that takes whole blocks only, and says so with an assertion. */
record CoarseDevice(BlockDevice inner, int unit) implements BlockDevice {
  private void check(long offset, long length) {
    assertEquals(0, offset % unit, "offset " + offset + " in blocks of " + unit);
    assertEquals(0, length % unit, "length " + length + " in blocks of " + unit);
    assertTrue(length > 0, "length " + length);
    assertTrue(offset + length <= inner.info().size(), "within the device");
  }

  @Override
  public ExportInfo info() {
    return inner.info().withBlocks(unit, Math.max(unit, 4096));
  }

  @Override
  public String describe() {
    return inner.describe();
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    check(offset, length);
    return inner.read(offset, length);
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    check(offset, data.readableBytes());
    return inner.write(offset, data, flags);
  }

  @Override
  public CompletableFuture<Void> flush() {
    return inner.flush();
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    check(offset, length);
    return inner.trim(offset, length, flags);
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    check(offset, length);
    return inner.zero(offset, length, flags);
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    check(offset, length);
    return inner.cache(offset, length);
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    check(offset, length);
    return inner.status(context, offset, length, maxExtents);
  }

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    check(offset, length);
    return inner.tryRead(offset, length, into);
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    check(offset, data.readableBytes());
    return inner.tryWrite(offset, data);
  }

  @Override
  public @Nullable FileSlice trySend(long offset, int length) {
    check(offset, length);
    return inner.trySend(offset, length);
  }

  @Override
  public CompletableFuture<Void> resize(long size) {
    return inner.resize(size);
  }

  @Override
  public CompletableFuture<Void> close() {
    return inner.close();
  }
}
