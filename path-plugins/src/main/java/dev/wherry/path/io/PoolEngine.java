package dev.wherry.path.io;

import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** System calls on the worker pool. A hop there and back costs 15 to 25 µs. */
public final class PoolEngine implements IoEngine {
  private final Blocking pool;
  private final @Nullable WriteLane lane;

  /**
   * @param oneFile it is for one regular file: its buffered writes go one at a time
   */
  public PoolEngine(Blocking pool, boolean oneFile) {
    this.pool = pool;
    this.lane = oneFile ? new WriteLane(pool) : null;
  }

  @Override
  public String name() {
    return "pool";
  }

  @Override
  public CompletableFuture<Void> read(int fd, long offset, ByteBuf into, int length) {
    return pool.call(
        () -> {
          BufferIo.read(fd, offset, into, 0, length);
          return null;
        });
  }

  @Override
  public CompletableFuture<Void> write(int fd, long offset, ByteBuf data, int flags) {
    if (lane != null && flags == 0) {
      return lane.write(fd, offset, data);
    }
    return pool.call(
        () -> {
          BufferIo.write(fd, offset, data, data.readerIndex(), data.readableBytes(), flags);
          return null;
        });
  }

  @Override
  public CompletableFuture<Void> sync(int fd) {
    return pool.call(
        () -> {
          Posix.fdatasync(fd);
          return null;
        });
  }

  @Override
  public void close() {}
}
