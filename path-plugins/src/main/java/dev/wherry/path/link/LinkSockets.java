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
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The kinds of sockets that go with the kinds of event loops; of TCP, or of a folder to which
 * nobody else has access.
 */
final class LinkSockets {
  private enum Kind {
    EPOLL,
    NIO
  }

  /** What the kernel may hold that was not sent yet, so that what comes later can overtake. */
  private static final long NOT_SENT = 128 << 10;

  private static final int RECEIVE = 256 << 10;

  private final Kind kind;
  private final @Nullable Path folder;

  private LinkSockets(Kind kind, @Nullable Path folder) {
    this.kind = kind;
    this.folder = folder;
  }

  /**
   * The kind of an event loop.
   *
   * @param folder where an address is the unix socket {@code PORT.sock}; null for TCP
   * @throws IllegalArgumentException if it is neither epoll nor NIO
   */
  static LinkSockets of(EventLoopGroup group, @Nullable Path folder) {
    if (group instanceof IoEventLoopGroup io) {
      if (io.isIoType(EpollIoHandler.class)) {
        return new LinkSockets(Kind.EPOLL, folder);
      }
      if (io.isIoType(NioIoHandler.class)) {
        return new LinkSockets(Kind.NIO, folder);
      }
    }
    throw new IllegalArgumentException(
        "the link needs an event loop of epoll or NIO, not " + group);
  }

  /** What an address comes to. */
  SocketAddress place(InetSocketAddress address) {
    Path f = folder;
    if (f == null) {
      return address;
    }
    Path socket = f.resolve(address.getPort() + ".sock");
    return kind == Kind.EPOLL
        ? new DomainSocketAddress(socket.toString())
        : UnixDomainSocketAddress.of(socket);
  }

  ServerBootstrap server(EventLoopGroup group) {
    ServerBootstrap b = new ServerBootstrap().group(group);
    if (folder != null) {
      return b.channel(
          kind == Kind.EPOLL
              ? EpollServerDomainSocketChannel.class
              : NioServerDomainSocketChannel.class);
    }
    return b.channel(
            kind == Kind.EPOLL ? EpollServerSocketChannel.class : NioServerSocketChannel.class)
        .option(ChannelOption.SO_REUSEADDR, true);
  }

  Bootstrap client(EventLoop loop) {
    return new Bootstrap()
        .group(loop)
        .channel(
            switch (kind) {
              case EPOLL ->
                  folder == null ? EpollSocketChannel.class : EpollDomainSocketChannel.class;
              case NIO -> folder == null ? NioSocketChannel.class : NioDomainSocketChannel.class;
            });
  }

  /** Sets what every connection needs, on both sides. */
  void configure(Channel channel) {
    ChannelConfig config = channel.config();
    config.setAllocator(PooledByteBufAllocator.DEFAULT);
    config.setWriteBufferWaterMark(new WriteBufferWaterMark(128 << 10, 256 << 10));
    config.setRecvByteBufAllocator(new FixedRecvByteBufAllocator(RECEIVE));
    if (folder != null) {
      return;
    }
    config.setOption(ChannelOption.TCP_NODELAY, true);
    if (kind == Kind.EPOLL) {
      config.setOption(EpollChannelOption.TCP_NOTSENT_LOWAT, NOT_SENT);
    }
  }
}
