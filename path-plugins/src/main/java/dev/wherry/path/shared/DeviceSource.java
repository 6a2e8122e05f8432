package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A device as a source: any NBD server. It is written by the write policies {@code through} and
 * {@code back} alone, the latter not atomically: see {@link DeviceSink}.
 */
public final class DeviceSource implements Source {
  private final BlockDevice device;
  private final Sink sink;

  public DeviceSource(BlockDevice device) {
    this.device = device;
    this.sink = new DeviceSink(device);
  }

  @Override
  public CompletableFuture<ByteBuf> fetch(long offset, int length, Priority priority) {
    return device.read(offset, length);
  }

  @Override
  public CompletableFuture<List<Extent>> extents(long offset, long length) {
    return device.info().contexts().contains(Extent.BASE_ALLOCATION)
        ? device.status(Extent.BASE_ALLOCATION, offset, length, 1024)
        : CompletableFuture.completedFuture(List.of(new Extent(length, 0)));
  }

  @Override
  public Sink sink() {
    return sink;
  }

  @Override
  public CompletableFuture<Void> close() {
    return device.close();
  }

  @Override
  public String describe() {
    return device.describe();
  }
}
