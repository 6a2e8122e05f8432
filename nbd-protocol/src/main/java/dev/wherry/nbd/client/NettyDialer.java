package dev.wherry.nbd.client;

import dev.wherry.nbd.NbdUri;
import dev.wherry.nbd.client.NbdConnectException.Reason;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.resolver.NoopAddressResolverGroup;
import io.netty.util.NetUtil;
import java.io.FileNotFoundException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Dials over the event loop's own kind of sockets. */
final class NettyDialer implements Dialer {
  private final NbdUri uri;
  private final NbdClientOptions options;
  private final EventLoop loop;
  private final Reactor reactor;
  private final Sockets sockets;
  private final @Nullable SslContext tls;

  NettyDialer(
      NbdUri uri,
      NbdClientOptions options,
      EventLoop loop,
      Reactor reactor,
      @Nullable SslContext tls) {
    this.uri = uri;
    this.options = options;
    this.loop = loop;
    this.reactor = reactor;
    this.sockets = Sockets.of(loop);
    this.tls = tls;
  }

  @Override
  public CompletableFuture<Link> dial(long limitNanos) {
    Attempt attempt = new Attempt();
    ScheduledFuture<?> timer = loop.schedule(attempt::tooLate, limitNanos, TimeUnit.NANOSECONDS);
    attempt.result.whenComplete((link, e) -> timer.cancel(false));
    resolve()
        .whenComplete(
            (addresses, e) ->
                loop.execute(
                    () -> {
                      if (e != null) {
                        attempt.unreachable(e);
                      } else {
                        attempt.next(addresses, 0);
                      }
                    }));
    return attempt.result;
  }

  /** The addresses of the server, found without blocking the event loop. */
  private CompletableFuture<List<SocketAddress>> resolve() {
    if (uri.socket() != null) {
      return CompletableFuture.completedFuture(List.of(sockets.unixAddress(uri.socket())));
    }
    String host = String.valueOf(uri.host());
    byte[] numeric = NetUtil.createByteArrayFromIpAddressString(host);
    if (numeric != null) {
      try {
        return CompletableFuture.completedFuture(
            List.of(new InetSocketAddress(InetAddress.getByAddress(host, numeric), uri.port())));
      } catch (UnknownHostException e) {
        return CompletableFuture.failedFuture(e);
      }
    }
    // The JDK's resolver blocks, so it runs in the JDK's own pool.
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            List<SocketAddress> all = new ArrayList<>();
            for (InetAddress address : InetAddress.getAllByName(host)) {
              all.add(new InetSocketAddress(address, uri.port()));
            }
            return all;
          } catch (UnknownHostException e) {
            throw new NbdConnectException(
                Reason.UNREACHABLE, "NBD server " + uri.place() + ": unknown host", e);
          }
        });
  }

  private SslHandler newTls(Channel channel) {
    SslContext context = tls;
    if (context == null) {
      throw new IllegalStateException("no TLS context for " + uri);
    }
    String name = uri.tlsHostname() != null ? uri.tlsHostname() : uri.host();
    // As libnbd does: what is behind a unix socket is this host.
    return context.newHandler(channel.alloc(), name == null ? "localhost" : name, uri.port());
  }

  /** One attempt: address by address, then the negotiation. On the event loop. */
  private final class Attempt {
    final CompletableFuture<Link> result = new CompletableFuture<>();
    private @Nullable Channel channel;
    private boolean answered;

    void tooLate() {
      fail(
          new NbdConnectException(
              Reason.UNREACHABLE,
              "NBD server "
                  + uri.place()
                  + (answered ? ": the negotiation took too long" : ": no answer in time")));
    }

    void unreachable(Throwable e) {
      Throwable cause = e instanceof CompletionException && e.getCause() != null ? e.getCause() : e;
      fail(
          cause instanceof NbdConnectException known
              ? known
              : new NbdConnectException(
                  Reason.UNREACHABLE, "NBD server " + uri.place() + ": " + why(cause), cause));
    }

    void next(List<SocketAddress> addresses, int index) {
      if (result.isDone()) {
        return;
      }
      CompletableFuture<Terms> terms = new CompletableFuture<>();
      Bootstrap bootstrap =
          new Bootstrap()
              .group(loop)
              .channelFactory(sockets.factory(uri.socket() != null))
              .resolver(NoopAddressResolverGroup.INSTANCE)
              .option(ChannelOption.ALLOCATOR, PooledByteBufAllocator.DEFAULT)
              .option(
                  ChannelOption.RECVBUF_ALLOCATOR,
                  new AdaptiveRecvByteBufAllocator(2048, 16 << 10, 512 << 10))
              .handler(
                  new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel ch) {
                      ch.pipeline().addLast(new Negotiator(uri, options, () -> newTls(ch), terms));
                    }
                  });
      if (uri.socket() == null) {
        bootstrap.option(ChannelOption.TCP_NODELAY, true).option(ChannelOption.SO_KEEPALIVE, true);
        sockets.noticeDeadHosts(bootstrap, quarter(options.ioTimeout()));
      }
      ChannelFuture connecting = bootstrap.connect(addresses.get(index));
      channel = connecting.channel();
      connecting.addListener(
          f -> {
            if (f.isSuccess()) {
              answered = true;
              negotiating(connecting.channel(), terms);
            } else if (index + 1 < addresses.size()) {
              next(addresses, index + 1);
            } else {
              unreachable(f.cause());
            }
          });
    }

    private void negotiating(Channel ch, CompletableFuture<Terms> terms) {
      terms.whenComplete(
          (agreed, e) -> {
            if (e != null) {
              unreachable(e);
            } else if (!result.isDone()) {
              Connection connection = new Connection(ch, reactor, agreed);
              ch.pipeline().addLast(connection);
              result.complete(connection);
            }
          });
    }

    private void fail(NbdConnectException e) {
      if (!result.isDone()) {
        if (channel != null) {
          channel.close();
        }
        result.completeExceptionally(e);
      }
    }
  }

  /**
   * In words for the operator: what the transports say differs, and not all of it says something.
   */
  private static String why(Throwable cause) {
    String message = cause.getMessage();
    if (cause instanceof FileNotFoundException
        || (message != null && message.contains("No such file"))) {
      return "no such socket";
    }
    if (message == null) {
      return cause.toString();
    }
    return message.contains("Connection refused") ? "connection refused" : message;
  }

  private static Duration quarter(Duration d) {
    return d.dividedBy(4);
  }
}
