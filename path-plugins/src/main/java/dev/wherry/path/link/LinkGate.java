package dev.wherry.path.link;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The first handler of an accepted connection: tells by the first byte whether the dialer speaks
 * TLS, and refuses in words what it cannot have.
 */
final class LinkGate extends ByteToMessageDecoder {
  private static final int TLS_HANDSHAKE = 22;

  /** TLS: an alert, fatal, handshake_failure. */
  private static final byte[] ALERT = {21, 3, 3, 0, 2, 2, 40};

  private final LinkHub hub;
  private final LinkOptions options;
  private @Nullable ScheduledFuture<?> patience;

  LinkGate(LinkHub hub, LinkOptions options) {
    this.hub = hub;
    this.options = options;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    patience =
        ctx.executor()
            .schedule(() -> ctx.close(), options.connect().toNanos(), TimeUnit.NANOSECONDS);
  }

  @Override
  protected void handlerRemoved0(ChannelHandlerContext ctx) {
    if (patience != null) {
      patience.cancel(false);
    }
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
    boolean secret = in.getByte(in.readerIndex()) == TLS_HANDSHAKE;
    SslContext tls = options.serverTls();
    if (secret != (tls != null)) {
      in.skipBytes(in.readableBytes());
      ctx.writeAndFlush(secret ? Unpooled.wrappedBuffer(ALERT) : refusal())
          .addListener(ChannelFutureListener.CLOSE);
      return;
    }
    if (tls != null) {
      SslHandler handler = tls.newHandler(ctx.alloc());
      handler.setHandshakeTimeoutMillis(options.connect().toMillis());
      ctx.pipeline().addLast(handler);
    }
    ctx.pipeline().addLast(new AcceptedConnection(hub, options));
    ctx.pipeline().remove(this);
  }

  private static ByteBuf refusal() {
    ByteBuf frame = Unpooled.buffer();
    Frame.header(frame, 0, Frame.REFUSE, 0, Frame.RAW, 0, 0);
    Head.writeText(frame, "it demands TLS, and this node came without");
    Frame.finish(frame, 0, new CRC32C());
    return frame;
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    ctx.close();
  }
}
