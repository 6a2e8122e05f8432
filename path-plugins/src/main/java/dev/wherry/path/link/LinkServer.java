package dev.wherry.path.link;

import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletableFuture;

/** Listens, and lets connections in as far as {@link LinkGate}. */
final class LinkServer {
  /** Connections at a time, greeted or not. */
  private static final int MOST = 1024;

  private final Channel listener;
  private final ChannelGroup accepted;
  private final InetSocketAddress asked;

  private LinkServer(Channel listener, ChannelGroup accepted, InetSocketAddress asked) {
    this.asked = asked;
    this.listener = listener;
    this.accepted = accepted;
  }

  /** Listens; fails with the bind's exception. */
  static CompletableFuture<LinkServer> listen(
      LinkHub hub, LinkOptions options, LinkSockets sockets, InetSocketAddress address) {
    ChannelGroup accepted = new DefaultChannelGroup("link", GlobalEventExecutor.INSTANCE);
    CompletableFuture<LinkServer> done = new CompletableFuture<>();
    var binding =
        sockets
            .server(options.group())
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel ch) {
                    if (accepted.size() >= MOST) {
                      ch.close();
                      return;
                    }
                    accepted.add(ch);
                    sockets.configure(ch);
                    ch.pipeline().addLast(new LinkGate(hub, options));
                  }
                })
            .bind(sockets.place(address));
    binding.addListener(
        f -> {
          if (f.isSuccess()) {
            done.complete(new LinkServer(binding.channel(), accepted, address));
          } else {
            done.completeExceptionally(f.cause());
          }
        });
    return done;
  }

  InetSocketAddress address() {
    return listener.localAddress() instanceof InetSocketAddress bound ? bound : asked;
  }

  CompletableFuture<Void> close() {
    CompletableFuture<Void> done = new CompletableFuture<>();
    listener.close().addListener(f -> accepted.close().addListener(g -> done.complete(null)));
    return done;
  }
}
