package dev.wherry.daemon;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import java.net.InetSocketAddress;

/**
 * The port where other nodes will connect. It is taken, so that nobody else gets it, and closes
 * every connection: this version speaks to no other node.
 */
final class LinkPort {
  private final Channel channel;

  private LinkPort(Channel channel) {
    this.channel = channel;
  }

  /** Listens; throws the bind's exception. Blocks. */
  static LinkPort open(EventLoopGroup group, InetSocketAddress address) {
    boolean epoll = group instanceof IoEventLoopGroup g && g.isIoType(EpollIoHandler.class);
    return new LinkPort(
        new ServerBootstrap()
            .group(group)
            .channel(epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class)
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel ch) {
                    ch.close();
                  }
                })
            .bind(address)
            .syncUninterruptibly()
            .channel());
  }

  int port() {
    return ((InetSocketAddress) channel.localAddress()).getPort();
  }

  void close() {
    channel.close().awaitUninterruptibly(1000);
  }
}
