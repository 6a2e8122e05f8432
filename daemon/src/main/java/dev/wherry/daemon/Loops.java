package dev.wherry.daemon;

import dev.wherry.daemon.config.Configuration.Io;
import dev.wherry.daemon.config.ConfigurationException;
import dev.wherry.path.DeviceContext.Engine;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.uring.IoUring;
import io.netty.util.concurrent.DefaultThreadFactory;

/** What {@code --io} means: the event loops of sockets and the engine of files. */
final class Loops {
  private static final int MOST_LOOPS = 16;

  private Loops() {}

  /** The event loops of NBD: epoll, or NIO where that was asked for or is all there is. */
  static EventLoopGroup create(Io io) {
    return create(io, MOST_LOOPS);
  }

  /**
   * As the other one.
   *
   * @param most of them, if there are that many processors
   */
  static EventLoopGroup create(Io io, int most) {
    boolean epoll = io != Io.NIO && Epoll.isAvailable();
    if (io == Io.EPOLL && !epoll) {
      throw new ConfigurationException(
          "io", "epoll is not available: " + reason(Epoll.unavailabilityCause()));
    }
    if (io == Io.URING && !IoUring.isAvailable()) {
      throw new ConfigurationException(
          "io", "uring is not available: " + reason(IoUring.unavailabilityCause()));
    }
    IoHandlerFactory handler = epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
    return new MultiThreadIoEventLoopGroup(
        Math.max(1, Math.min(most, Runtime.getRuntime().availableProcessors())),
        new DefaultThreadFactory("wherry-nbd"),
        handler);
  }

  static Engine engine(Io io) {
    return io == Io.URING ? Engine.URING : Engine.AUTO;
  }

  private static String reason(Throwable t) {
    Throwable last = t;
    while (last.getCause() != null) {
      last = last.getCause();
    }
    return last.getMessage() == null ? last.toString() : last.getMessage();
  }
}
