package dev.wherry.path.io;

import dev.wherry.path.DeviceContext;
import io.netty.channel.uring.IoUring;

/** Opens the engine that a context asks for. */
public final class IoEngines {
  private IoEngines() {}

  /**
   * Says at start whether an engine can be had.
   *
   * @throws UnsupportedOperationException for io_uring where the kernel or the container has none;
   *     the text says why
   */
  public static void require(DeviceContext.Engine engine) {
    if (engine == DeviceContext.Engine.URING) {
      UringEngine.open().close();
    }
  }

  /**
   * Opens an engine, which the caller closes. Blocks for a moment. AUTO does without io_uring where
   * there is none.
   *
   * @param oneFile it is for one regular file
   * @throws UnsupportedOperationException as {@link #require}
   */
  public static IoEngine open(DeviceContext context, boolean oneFile) {
    PoolEngine pool = new PoolEngine(new Blocking(context.workers()), oneFile);
    return switch (context.engine()) {
      case POOL -> pool;
      case URING -> UringEngine.open();
      case AUTO -> IoUring.isAvailable() ? adaptive(pool) : pool;
    };
  }

  private static IoEngine adaptive(PoolEngine pool) {
    try {
      return new AdaptiveEngine(pool, UringEngine.open(), System::nanoTime);
    } catch (UnsupportedOperationException e) {
      return pool;
    }
  }
}
