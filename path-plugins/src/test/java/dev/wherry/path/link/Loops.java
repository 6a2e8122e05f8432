package dev.wherry.path.link;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.nio.NioIoHandler;
import java.util.concurrent.TimeUnit;

/** Event loops for tests. */
enum Loops {
  EPOLL,
  NIO;

  EventLoopGroup create(int threads) {
    return new MultiThreadIoEventLoopGroup(
        threads,
        this == EPOLL && Epoll.isAvailable()
            ? EpollIoHandler.newFactory()
            : NioIoHandler.newFactory());
  }

  static void close(EventLoopGroup group) {
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly(6000);
  }
}
