package dev.wherry.path.shared;

import dev.wherry.path.BlockDevice;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A plain device, such as an NBD server, that is written as a source.
 *
 * <p>It knows of no batches: one is written to it piece by piece and then flushed. So it is as of
 * one flush whenever a batch has ended, and a mixture of two while one is under way, which stays
 * that if this node fails in the middle of it. Batches never mix with each other.
 */
final class DeviceSink implements Sink {
  private final BlockDevice device;
  private final AtomicLong number = new AtomicLong();

  DeviceSink(BlockDevice device) {
    this.device = device;
  }

  @Override
  public CompletableFuture<Long> begin() {
    return CompletableFuture.completedFuture(number.incrementAndGet());
  }

  @Override
  public CompletableFuture<Void> put(long batch, long offset, ByteBuf data) {
    return device.write(offset, data, 0).whenComplete((v, failure) -> data.release());
  }

  @Override
  public CompletableFuture<Void> putZero(long batch, long offset, long length) {
    return device.zero(offset, length, 0);
  }

  @Override
  public CompletableFuture<Void> commit(long batch, long pieces) {
    return device.flush();
  }

  @Override
  public CompletableFuture<Void> write(long batch, long offset, ByteBuf data) {
    ByteBuf own = data.retainedSlice();
    return device.write(offset, own, 0).whenComplete((v, failure) -> own.release());
  }

  @Override
  public CompletableFuture<Void> zero(long batch, long offset, long length) {
    return device.zero(offset, length, 0);
  }

  @Override
  public CompletableFuture<Void> flush(long batch) {
    return device.flush();
  }
}
