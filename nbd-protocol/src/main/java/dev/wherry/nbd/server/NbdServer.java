package dev.wherry.nbd.server;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An NBD server: listens on any number of addresses and serves the exports of one directory. Safe
 * on any thread.
 */
public final class NbdServer {
  private static final Logger log = LoggerFactory.getLogger(NbdServer.class);

  /** One of so many connections is for unix sockets alone. */
  private static final int UNIX_RESERVE = 64;

  private final ServerCore core;
  private final boolean epoll;
  private final Set<Channel> listeners = ConcurrentHashMap.newKeySet();
  private final Set<Channel> accepted = ConcurrentHashMap.newKeySet();
  private final AtomicInteger count = new AtomicInteger();
  private final AtomicLong ids = new AtomicLong();
  private final Negotiating negotiating;
  private final Throttle refusals = new Throttle();
  private volatile boolean stopping;

  private NbdServer(NbdServerOptions options) {
    this.core = new ServerCore(options);
    this.negotiating = new Negotiating(Math.max(1, options.limits().connections() / 2));
    EventLoopGroup group = options.group();
    this.epoll = group instanceof IoEventLoopGroup g && g.isIoType(EpollIoHandler.class);
  }

  /** A server that does not listen yet. */
  public static NbdServer create(NbdServerOptions options) {
    return new NbdServer(options);
  }

  /** An address that is listened on. */
  public final class Listener {
    private final Channel channel;

    private Listener(Channel channel) {
      this.channel = channel;
    }

    /** The address that was bound, with the real port. */
    public SocketAddress address() {
      return channel.localAddress();
    }

    /** Takes no more connections here; those that are there stay. */
    public CompletableFuture<Void> close() {
      listeners.remove(channel);
      CompletableFuture<Void> done = new CompletableFuture<>();
      channel.close().addListener(f -> done.complete(null));
      return done;
    }
  }

  /** Listens on TCP. Fails with the bind's exception. */
  public CompletableFuture<Listener> listen(SocketAddress address, TlsMode tls) {
    return bind(
        epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class, address, tls, null);
  }

  /**
   * Listens on a unix socket. The file must not exist; its mode is the caller's affair.
   *
   * @param defaultExport the export that the empty name means here, or null for the directory's
   */
  public CompletableFuture<Listener> listenUnix(Path path, @Nullable String defaultExport) {
    return epoll
        ? bind(
            EpollServerDomainSocketChannel.class,
            new DomainSocketAddress(path.toFile()),
            TlsMode.OFF,
            defaultExport)
        : bind(
            NioServerDomainSocketChannel.class,
            UnixDomainSocketAddress.of(path),
            TlsMode.OFF,
            defaultExport);
  }

  private CompletableFuture<Listener> bind(
      Class<? extends ServerChannel> type,
      SocketAddress address,
      TlsMode tls,
      @Nullable String defaultExport) {
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(core.options().group())
            .channel(type)
            .option(ChannelOption.SO_BACKLOG, 1024)
            .childOption(ChannelOption.ALLOCATOR, PooledByteBufAllocator.DEFAULT)
            .childOption(
                ChannelOption.RECVBUF_ALLOCATOR,
                new AdaptiveRecvByteBufAllocator(2048, 16 << 10, 512 << 10))
            .childOption(
                ChannelOption.WRITE_BUFFER_WATER_MARK, new WriteBufferWaterMark(512 << 10, 2 << 20))
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    accept(channel, tls, defaultExport);
                  }
                });
    if (address instanceof InetSocketAddress) {
      bootstrap
          .option(ChannelOption.SO_REUSEADDR, true)
          .childOption(ChannelOption.TCP_NODELAY, true)
          .childOption(ChannelOption.SO_KEEPALIVE, true);
    }
    CompletableFuture<Listener> result = new CompletableFuture<>();
    bootstrap
        .bind(address)
        .addListener(
            (ChannelFuture f) -> {
              if (f.isSuccess()) {
                listeners.add(f.channel());
                result.complete(new Listener(f.channel()));
              } else {
                result.completeExceptionally(f.cause());
              }
            });
    return result;
  }

  private void accept(Channel channel, TlsMode tls, @Nullable String defaultExport) {
    boolean tcp = channel.localAddress() instanceof InetSocketAddress;
    if (stopping || !admit(tcp)) {
      channel.close();
      return;
    }
    accepted.add(channel);
    channel
        .closeFuture()
        .addListener(
            f -> {
              accepted.remove(channel);
              negotiating.remove(channel);
              count.decrementAndGet();
            });
    SocketAddress remote = channel.remoteAddress();
    SocketAddress local = channel.localAddress();
    Peer peer = new Peer(ids.incrementAndGet(), remote == null ? local : remote, local, null);
    NegotiationHandler handler = new NegotiationHandler(core, tls, peer, defaultExport);
    if (tcp) {
      handler.onEnd(() -> negotiating.remove(channel));
      if (!negotiating.add(channel)) {
        refused();
      }
    }
    channel.pipeline().addLast(handler);
  }

  /** Counts one more connection; a silent one goes for it where there is no room. */
  private boolean admit(boolean tcp) {
    int most = core.limits().connections();
    if (count.incrementAndGet() <= (tcp ? most - most / UNIX_RESERVE : most)) {
      return true;
    }
    refused();
    if (negotiating.closeOldest()) {
      return true;
    }
    count.decrementAndGet();
    return false;
  }

  private void refused() {
    int n = refusals.happened(System.nanoTime());
    if (n > 0) {
      log.warn(
          "{} connections closed for want of room since the last such message: the limit is {}, on"
              + " TCP half of it for those that still negotiate",
          n,
          core.limits().connections());
    }
  }

  /** Connections that are there now, negotiating ones included. */
  public int connections() {
    return count.get();
  }

  /** Payload bytes in flight now. */
  public long bytesInFlight() {
    return core.budget().used();
  }

  /**
   * Stops: no new connections, what was read is finished and answered, then all are closed.
   *
   * @param limitMillis what is not finished by then is closed all the same
   * @return done when no connection is left
   */
  public CompletableFuture<Void> shutdown(long limitMillis) {
    stopping = true;
    CompletableFuture<?>[] closed =
        listeners.stream().map(c -> toFuture(c.close())).toArray(CompletableFuture[]::new);
    return CompletableFuture.allOf(closed)
        .thenCompose(
            v -> {
              for (Channel c : accepted) {
                if (c.pipeline().get(NegotiationHandler.class) != null) {
                  c.close();
                }
              }
              // Second: what has just left negotiation is among these.
              core.connections().forEach(TransmissionHandler::shutdown);
              core.options()
                  .group()
                  .next()
                  .schedule(
                      () -> accepted.forEach(Channel::close), limitMillis, TimeUnit.MILLISECONDS);
              return CompletableFuture.allOf(
                  accepted.stream()
                      .map(c -> toFuture(c.closeFuture()))
                      .toArray(CompletableFuture[]::new));
            });
  }

  private static CompletableFuture<Void> toFuture(ChannelFuture f) {
    CompletableFuture<Void> result = new CompletableFuture<>();
    f.addListener(x -> result.complete(null));
    return result;
  }
}
