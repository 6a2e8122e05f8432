package dev.wherry.path.fault;

import dev.wherry.nbd.Extent;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.ForwardingDevice;
import dev.wherry.path.fault.Fault.Op;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * A device all of whose requests pass one place. Subclasses say there what becomes of them, and
 * override the attempts, which do not pass it.
 */
public abstract class InterceptedDevice extends ForwardingDevice {
  protected InterceptedDevice(BlockDevice device) {
    super(device);
  }

  /**
   * Makes a request of the inner device, or does not.
   *
   * @param offset in bytes; with {@code length} 0 for FLUSH
   * @param request makes it, on the thread that calls it
   */
  protected abstract <T> CompletableFuture<T> run(
      Op op, long offset, long length, Supplier<CompletableFuture<T>> request);

  @Override
  public final CompletableFuture<ByteBuf> read(long offset, int length) {
    return run(Op.READ, offset, length, () -> device.read(offset, length));
  }

  @Override
  public final CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return run(Op.WRITE, offset, data.readableBytes(), () -> device.write(offset, data, flags));
  }

  @Override
  public final CompletableFuture<Void> flush() {
    return run(Op.FLUSH, 0, 0, device::flush);
  }

  @Override
  public final CompletableFuture<Void> trim(long offset, long length, int flags) {
    return run(Op.TRIM, offset, length, () -> device.trim(offset, length, flags));
  }

  @Override
  public final CompletableFuture<Void> zero(long offset, long length, int flags) {
    return run(Op.ZERO, offset, length, () -> device.zero(offset, length, flags));
  }

  @Override
  public final CompletableFuture<Void> cache(long offset, long length) {
    return run(Op.CACHE, offset, length, () -> device.cache(offset, length));
  }

  @Override
  public final CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    return run(Op.STATUS, offset, length, () -> device.status(context, offset, length, maxExtents));
  }
}
