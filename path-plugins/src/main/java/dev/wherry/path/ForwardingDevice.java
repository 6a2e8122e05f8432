package dev.wherry.path;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.FileSlice;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A device that hands every request to another one. Subclasses override what they do differently.
 *
 * <p><b>The attempts are forwarded too.</b> Whoever overrides {@link #read} overrides {@link
 * #tryRead} and {@link #trySend}, and whoever overrides {@link #write} overrides {@link #tryWrite}:
 * callers use whichever they like, and a request that takes the other way must not get past. To
 * have no shortcut, return false and null.
 */
public abstract class ForwardingDevice implements BlockDevice {
  protected final BlockDevice device;

  protected ForwardingDevice(BlockDevice device) {
    this.device = device;
  }

  @Override
  public ExportInfo info() {
    return device.info();
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    return device.read(offset, length);
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return device.write(offset, data, flags);
  }

  @Override
  public CompletableFuture<Void> flush() {
    return device.flush();
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return device.trim(offset, length, flags);
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return device.zero(offset, length, flags);
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return device.cache(offset, length);
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    return device.status(context, offset, length, maxExtents);
  }

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    return device.tryRead(offset, length, into);
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    return device.tryWrite(offset, data);
  }

  @Override
  public @Nullable FileSlice trySend(long offset, int length) {
    return device.trySend(offset, length);
  }

  @Override
  public String describe() {
    return device.describe();
  }

  @Override
  public CompletableFuture<Void> resize(long size) {
    return device.resize(size);
  }

  @Override
  public CompletableFuture<Void> close() {
    return device.close();
  }
}
