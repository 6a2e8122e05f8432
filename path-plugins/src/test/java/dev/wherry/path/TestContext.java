package dev.wherry.path;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Threads of a test and the {@link DeviceContext} over them. Close it when the test ends. */
public final class TestContext implements AutoCloseable {
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
  private final ExecutorService workers =
      Executors.newFixedThreadPool(
          4,
          task -> {
            Thread thread = new Thread(task, "test-worker");
            thread.setDaemon(true);
            return thread;
          });

  /** A writable context, 10 s patience, no other volumes. */
  public DeviceContext with(DeviceContext.Engine engine) {
    return new DeviceContext(
        loops, workers, engine, Duration.ofSeconds(10), null, suid -> Optional.empty(), false);
  }

  /** {@link #with} AUTO. */
  public DeviceContext context() {
    return with(DeviceContext.Engine.AUTO);
  }

  @Override
  public void close() {
    workers.shutdown();
    loops.shutdownGracefully(0, 10, TimeUnit.SECONDS).awaitUninterruptibly(10, TimeUnit.SECONDS);
  }
}
