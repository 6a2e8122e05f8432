package dev.wherry.nbd.client;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.EventLoop;
import io.netty.channel.IoEventLoopGroup;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioChannelOption;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import jdk.net.ExtendedSocketOptions;

/** The kinds of sockets that go with the kinds of event loops. */
enum Sockets {
  EPOLL,
  NIO;

  /**
   * The kind of an event loop.
   *
   * @throws IllegalArgumentException if it is neither epoll nor NIO
   */
  static Sockets of(EventLoop loop) {
    if (loop instanceof IoEventLoopGroup io) {
      if (io.isIoType(EpollIoHandler.class)) {
        return EPOLL;
      }
      if (io.isIoType(NioIoHandler.class)) {
        return NIO;
      }
    }
    throw new IllegalArgumentException(
        "the NBD client needs an event loop of epoll or NIO, not " + loop);
  }

  SocketAddress unixAddress(Path path) {
    return this == EPOLL
        ? new DomainSocketAddress(path.toString())
        : UnixDomainSocketAddress.of(path);
  }

  ChannelFactory<Channel> factory(boolean unix) {
    return switch (this) {
      case EPOLL -> unix ? EpollDomainSocketChannel::new : EpollSocketChannel::new;
      case NIO -> unix ? NioDomainSocketChannel::new : NioSocketChannel::new;
    };
  }

  /**
   * Has the kernel notice a host that is gone, which nothing else would before requests time out:
   * by probes where the line is idle, by missing acknowledgements (epoll only) where it is not.
   *
   * @param interval between probes; three go unanswered
   */
  void noticeDeadHosts(Bootstrap bootstrap, Duration interval) {
    int seconds = (int) Math.max(1, Math.min(60, interval.toSeconds()));
    switch (this) {
      case EPOLL ->
          bootstrap
              .option(EpollChannelOption.TCP_KEEPIDLE, seconds)
              .option(EpollChannelOption.TCP_KEEPINTVL, seconds)
              .option(EpollChannelOption.TCP_KEEPCNT, 3)
              .option(EpollChannelOption.TCP_USER_TIMEOUT, seconds * 3 * 1000);
      case NIO ->
          bootstrap
              .option(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPIDLE), seconds)
              .option(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPINTERVAL), seconds)
              .option(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPCOUNT), 3);
    }
  }
}
