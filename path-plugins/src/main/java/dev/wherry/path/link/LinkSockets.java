package dev.wherry.path.link;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.IoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;

/** The kinds of sockets that go with the kinds of event loops. */
enum LinkSockets {
  EPOLL,
  NIO;

  /** What the kernel may hold that was not sent yet, so that what comes later can overtake. */
  private static final long NOT_SENT = 128 << 10;

  private static final int RECEIVE = 256 << 10;

  /**
   * The kind of an event loop.
   *
   * @throws IllegalArgumentException if it is neither epoll nor NIO
   */
  static LinkSockets of(EventLoopGroup group) {
    if (group instanceof IoEventLoopGroup io) {
      if (io.isIoType(EpollIoHandler.class)) {
        return EPOLL;
      }
      if (io.isIoType(NioIoHandler.class)) {
        return NIO;
      }
    }
    throw new IllegalArgumentException(
        "the link needs an event loop of epoll or NIO, not " + group);
  }

  ServerBootstrap server(EventLoopGroup group) {
    return new ServerBootstrap()
        .group(group)
        .channel(this == EPOLL ? EpollServerSocketChannel.class : NioServerSocketChannel.class)
        .option(ChannelOption.SO_REUSEADDR, true);
  }

  Bootstrap client(EventLoop loop) {
    return new Bootstrap()
        .group(loop)
        .channel(this == EPOLL ? EpollSocketChannel.class : NioSocketChannel.class);
  }

  /** Sets what every connection needs, on both sides. */
  void configure(Channel channel) {
    ChannelConfig config = channel.config();
    config.setAllocator(PooledByteBufAllocator.DEFAULT);
    config.setOption(ChannelOption.TCP_NODELAY, true);
    config.setWriteBufferWaterMark(new WriteBufferWaterMark(128 << 10, 256 << 10));
    config.setRecvByteBufAllocator(new FixedRecvByteBufAllocator(RECEIVE));
    if (this == EPOLL) {
      config.setOption(EpollChannelOption.TCP_NOTSENT_LOWAT, NOT_SENT);
    }
  }
}
