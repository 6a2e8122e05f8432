package dev.wherry.path.link;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * What lies between two nodes, and breaks: connections are cut after some bytes, go silent (half
 * open), are slow, or what the dialer sent is sent once more on a connection of its own. On one
 * event loop.
 */
final class BreakingProxy implements AutoCloseable {
  /** What becomes of a connection. */
  record Fate(long cutAfter, long silentAfter, int delayMillis, boolean twice) {
    static final Fate NONE = new Fate(Long.MAX_VALUE, Long.MAX_VALUE, 0, false);
  }

  private final MultiThreadIoEventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
  private final EventLoop loop = group.next();
  private final int target;
  private final Channel listener;
  private final List<Pair> pairs = new ArrayList<>();
  private volatile @Nullable Random chaos;
  private volatile boolean blocked;
  final AtomicInteger connections = new AtomicInteger();

  BreakingProxy(int target) {
    this.target = target;
    this.listener =
        new ServerBootstrap()
            .group(group)
            .channel(NioServerSocketChannel.class)
            .childOption(ChannelOption.AUTO_READ, false)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel ch) {
                    accept(ch);
                  }
                })
            .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .syncUninterruptibly()
            .channel();
  }

  int port() {
    return ((InetSocketAddress) listener.localAddress()).getPort();
  }

  /** From now on connections have fates; null: no more. */
  void chaos(@Nullable Random random) {
    chaos = random;
  }

  /** Whether new connections are turned away. */
  void block(boolean on) {
    blocked = on;
  }

  /** Cuts all connections. */
  void cut() {
    loop.submit(() -> List.copyOf(pairs).forEach(Pair::close)).syncUninterruptibly();
  }

  /** Nothing goes through any more on what is open; nobody is told. */
  void silence() {
    loop.submit(() -> pairs.forEach(p -> p.silent = true)).syncUninterruptibly();
  }

  private void accept(Channel client) {
    if (blocked) {
      client.close();
      return;
    }
    connections.incrementAndGet();
    Random r = chaos;
    Fate fate =
        r == null
            ? Fate.NONE
            : new Fate(
                bytes(r, 2), bytes(r, 6), r.nextInt(3) == 0 ? r.nextInt(20) : 0, r.nextInt(4) == 0);
    pairs.add(new Pair(client, fate));
  }

  private static long bytes(Random r, int oneOf) {
    return r.nextInt(oneOf) == 0 ? (long) Math.pow(10, 1.5 + r.nextDouble() * 5.5) : Long.MAX_VALUE;
  }

  private final class Pair {
    final Channel client;
    final Fate fate;
    final ByteBuf recorded = Unpooled.buffer();
    @Nullable Channel server;
    long passed;
    boolean silent;

    Pair(Channel client, Fate fate) {
      this.client = client;
      this.fate = fate;
      client.config().setAutoRead(false);
      Bootstrap b =
          new Bootstrap()
              .group(loop)
              .channel(NioSocketChannel.class)
              .option(ChannelOption.AUTO_READ, false)
              .option(ChannelOption.TCP_NODELAY, true)
              .handler(new ChannelInboundHandlerAdapter());
      b.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), target))
          .addListener(
              (ChannelFutureListener)
                  f -> {
                    if (!f.isSuccess()) {
                      close();
                      return;
                    }
                    server = f.channel();
                    client.pipeline().addLast(new Relay(this, f.channel(), true));
                    f.channel().pipeline().addLast(new Relay(this, client, false));
                    client.read();
                    f.channel().read();
                  });
    }

    void close() {
      if (pairs.remove(this) && fate.twice() && recorded.isReadable() && !blocked) {
        replay(recorded.copy());
      }
      client.close();
      if (server != null) {
        server.close();
      }
    }
  }

  /** Sends what a dialer sent once more. */
  private void replay(ByteBuf bytes) {
    new Bootstrap()
        .group(loop)
        .channel(NioSocketChannel.class)
        .handler(new ChannelInboundHandlerAdapter())
        .connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), target))
        .addListener(
            (ChannelFutureListener)
                f -> {
                  if (f.isSuccess()) {
                    f.channel().writeAndFlush(bytes);
                    f.channel().pipeline().addLast(new Sink());
                    loop.schedule(() -> f.channel().close(), 200, TimeUnit.MILLISECONDS);
                  } else {
                    bytes.release();
                  }
                });
  }

  private static final class Sink extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
      ((ByteBuf) msg).release();
    }
  }

  private final class Relay extends ChannelInboundHandlerAdapter {
    private final Pair pair;
    private final Channel to;
    private final boolean fromClient;
    private final Queue<ByteBuf> late = new ArrayDeque<>();

    Relay(Pair pair, Channel to, boolean fromClient) {
      this.pair = pair;
      this.to = to;
      this.fromClient = fromClient;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
      ByteBuf b = (ByteBuf) msg;
      if (fromClient && pair.fate.twice() && pair.recorded.readableBytes() < 1 << 20) {
        pair.recorded.writeBytes(b, b.readerIndex(), b.readableBytes());
      }
      long room = pair.fate.cutAfter() - pair.passed;
      pair.passed += b.readableBytes();
      if (room < b.readableBytes()) {
        b.writerIndex(b.readerIndex() + (int) Math.max(0, room));
      }
      if (pair.silent || pair.passed > pair.fate.silentAfter()) {
        b.release();
        pair.silent = true;
        ctx.read();
        return;
      }
      boolean cut = pair.passed > pair.fate.cutAfter();
      if (pair.fate.delayMillis() > 0) {
        late.add(b);
        loop.schedule(() -> forward(ctx, cut), pair.fate.delayMillis(), TimeUnit.MILLISECONDS);
      } else {
        late.add(b);
        forward(ctx, cut);
      }
    }

    private void forward(ChannelHandlerContext ctx, boolean cut) {
      ByteBuf b = late.poll();
      if (b == null) {
        return;
      }
      to.writeAndFlush(b)
          .addListener(
              f -> {
                if (cut) {
                  pair.close();
                } else {
                  ctx.read();
                }
              });
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      if (!pair.silent) {
        pair.close();
      } else {
        // The other side is not told: that is what half open means.
        loop.schedule(pair::close, 5, TimeUnit.SECONDS);
      }
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
      late.forEach(ByteBuf::release);
      late.clear();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      ctx.close();
    }
  }

  @Override
  public void close() {
    listener.close().syncUninterruptibly();
    blocked = true;
    cut();
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly(6000);
  }
}
