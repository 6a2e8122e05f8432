package dev.wherry.path.link;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.DecoderException;
import io.netty.util.concurrent.ScheduledFuture;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection, of either side: frames in and out, and whether the other side lives. All of it on
 * the connection's event loop.
 */
abstract class LinkConnection extends ChannelInboundHandlerAdapter
    implements FrameDecoder.Sink, Outbound.BeforeFlush {
  private static final Logger log = LoggerFactory.getLogger(LinkConnection.class);

  /** What Netty puts before the words of errno. */
  private static final Pattern NATIVE_CALL =
      Pattern.compile("^[a-zA-Z]+\\(\\.\\.\\) failed(?: with error\\(-?\\d+\\))?: ");

  final LinkOptions options;
  private final RoundTrip roundTrip;
  private final int headType;
  private @Nullable Channel channel;
  private @Nullable FrameDecoder decoder;
  private @Nullable Outbound out;
  private @Nullable ScheduledFuture<?> ticks;
  private @Nullable String failure;
  private boolean ended;
  private boolean up;
  private long since;
  private long lastRead;
  private long pinged;

  /**
   * @param headType which messages come: {@link Frame#REQUEST} or {@link Frame#REPLY}
   */
  LinkConnection(LinkOptions options, int headType, RoundTrip roundTrip) {
    this.options = options;
    this.headType = headType;
    this.roundTrip = roundTrip;
  }

  /** The connection is gone; told once. */
  abstract void ended(String why);

  /** Whose bytes they are; those of nobody in particular until that is known. */
  abstract Traffic traffic();

  final Channel channel() {
    return java.util.Objects.requireNonNull(channel);
  }

  final Outbound out() {
    return java.util.Objects.requireNonNull(out);
  }

  final FrameDecoder decoder() {
    return java.util.Objects.requireNonNull(decoder);
  }

  final boolean isOpen() {
    return !ended && failure == null;
  }

  /** Whether the other side was heard lately: it is asked for a sign of life at each ping. */
  final boolean isHeard() {
    return isOpen() && System.nanoTime() - lastRead < options.ping().toNanos() * 3 / 2;
  }

  /** The greeting is over. */
  final void greeted() {
    up = true;
  }

  final boolean isUp() {
    return up;
  }

  /** Ends the connection, for the reason given. */
  final void fail(String why) {
    if (failure == null && !ended) {
      failure = why;
      if (channel == null) {
        // There was not even a socket to be had.
        ended = true;
        ended(why);
      } else {
        decoder().close();
        channel.close();
      }
    }
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    Channel c = ctx.channel();
    channel = c;
    since = System.nanoTime();
    lastRead = since;
    decoder = new FrameDecoder(c.alloc(), headType, this);
    boolean loopback =
        c.remoteAddress() instanceof InetSocketAddress a && a.getAddress().isLoopbackAddress();
    out =
        new Outbound(
            c, traffic(), new Compression(options.compress(), loopback, System::nanoTime), this);
    long ping = options.ping().toNanos();
    ticks = c.eventLoop().scheduleAtFixedRate(this::tick, ping, ping, TimeUnit.NANOSECONDS);
  }

  private void tick() {
    long now = System.nanoTime();
    if (now - lastRead > options.silence().toNanos()) {
      fail("nothing came for " + options.silence().toMillis() + " ms");
    } else if (!up && now - since > options.connect().toNanos()) {
      fail("no greeting within " + options.connect().toMillis() + " ms");
    } else if (up || pinging()) {
      ping();
    }
  }

  /** Whether pings go out although the greeting is not over. */
  boolean pinging() {
    return false;
  }

  final void ping() {
    pinged = System.nanoTime();
    out().control(Frame.PING, pinged);
  }

  @Override
  public void beforeFlush() {}

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object msg) {
    ByteBuf in = (ByteBuf) msg;
    lastRead = System.nanoTime();
    try {
      if (isOpen()) {
        traffic().receivedWire.add(in.readableBytes());
        decoder().read(in);
      }
    } catch (MalformedException e) {
      malformed(e);
    } finally {
      in.release();
    }
  }

  /** The other side sent what it must not. */
  void malformed(MalformedException e) {
    fail("malformed: " + e.getMessage());
  }

  @Override
  public final void control(int type, long sequence, ByteBuf body) {
    switch (type) {
      case Frame.PING -> out().control(Frame.PONG, sequence);
      case Frame.PONG -> {
        if (sequence == pinged && pinged != 0) {
          long now = System.nanoTime();
          roundTrip.add(now - pinged, now);
          pinged = 0;
        }
      }
      default -> frame(type, sequence, body);
    }
  }

  /** Any frame but pings and those of messages. */
  abstract void frame(int type, long sequence, ByteBuf body);

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    if (ctx.channel().isWritable()) {
      out().writable();
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    if (cause instanceof RuntimeException && !(cause instanceof DecoderException)) {
      log.error("link: {}", ctx.channel(), cause);
    }
    fail(describe(cause));
  }

  /** A failure in words. */
  static String describe(Throwable cause) {
    Throwable root = cause;
    while (root.getCause() != null
        && (root instanceof DecoderException || root.getMessage() == null)) {
      root = root.getCause();
    }
    String message = root.getMessage();
    String text =
        message == null
            ? root.getClass().getSimpleName()
            : NATIVE_CALL.matcher(message).replaceFirst("");
    return root instanceof javax.net.ssl.SSLException ? "TLS: " + text : text;
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    end();
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    end();
  }

  private void end() {
    if (ended) {
      return;
    }
    ended = true;
    if (ticks != null) {
      ticks.cancel(false);
    }
    decoder().close();
    out().close();
    String why = failure;
    ended(why == null ? "the other side closed the connection" : why);
  }
}
