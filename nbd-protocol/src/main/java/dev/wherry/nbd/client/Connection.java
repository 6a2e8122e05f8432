package dev.wherry.nbd.client;

import dev.wherry.nbd.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.collection.LongObjectHashMap;
import java.io.EOFException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A {@link Link} over a channel, in the transmission phase: the last handler of its pipeline.
 * Commands that are sent together go out together: the channel is flushed at the end of what it
 * read, or of what the event loop has at hand.
 */
final class Connection extends ChannelInboundHandlerAdapter implements Link, ReplyDecoder.Commands {
  private final Channel channel;
  private final Reactor reactor;
  private final Terms terms;
  private final ReplyDecoder decoder;
  private final LongObjectHashMap<Command> inFlight = new LongObjectHashMap<>();
  private @Nullable Listener listener;
  private @Nullable Throwable lost;
  private boolean closing;
  private boolean reading;
  private boolean flushDue;
  private long nextCookie = 1;
  private long quietSince;

  Connection(Channel channel, Reactor reactor, Terms terms) {
    this.channel = channel;
    this.reactor = reactor;
    this.terms = terms;
    this.decoder = new ReplyDecoder(terms, this, channel.alloc());
  }

  @Override
  public Terms terms() {
    return terms;
  }

  @Override
  public void start(Listener newListener) {
    listener = newListener;
    if (lost != null || !channel.isActive()) {
      Throwable cause = lost == null ? new EOFException("the server closed the connection") : lost;
      lost = null;
      fail(cause);
    }
  }

  @Override
  public int inFlight() {
    return inFlight.size();
  }

  @Override
  public long quietSince() {
    return quietSince;
  }

  @Override
  public void send(Command c) {
    if (inFlight.isEmpty()) {
      quietSince = reactor.nanoTime();
    }
    long cookie = nextCookie++;
    inFlight.put(cookie, c);
    if (lost != null || closing) {
      return;
    }
    channel.write(header(c, cookie), channel.voidPromise());
    ByteBuf payload = c.payload();
    if (payload != null) {
      channel.write(payload.retainedDuplicate(), channel.voidPromise());
    }
    if (!reading && !flushDue) {
      flushDue = true;
      reactor.execute(this::flushNow);
    }
  }

  private ByteBuf header(Command c, long cookie) {
    ByteBuf header = channel.alloc().directBuffer(Wire.EXTENDED_REQUEST_LENGTH);
    int flags = c.flags;
    if (terms.extended() && c.type == Wire.CMD_WRITE) {
      flags |= Wire.CMD_FLAG_PAYLOAD_LEN;
    }
    header
        .writeInt(terms.extended() ? Wire.EXTENDED_REQUEST_MAGIC : Wire.REQUEST_MAGIC)
        .writeShort(flags)
        .writeShort(c.type)
        .writeLong(cookie)
        .writeLong(c.offset);
    return terms.extended() ? header.writeLong(c.length) : header.writeInt((int) c.length);
  }

  private void flushNow() {
    flushDue = false;
    channel.flush();
  }

  @Override
  public List<Command> unanswered() {
    List<Command> all = new ArrayList<>(inFlight.values());
    inFlight.clear();
    all.forEach(Command::dropReply);
    return all;
  }

  @Override
  public void fail(Throwable cause) {
    if (lost != null || closing) {
      return;
    }
    lost = cause;
    channel.close();
    // Later, as we may be amid the listener's own work.
    Listener l = listener;
    if (l != null) {
      reactor.execute(
          () -> {
            if (!closing) {
              l.lost(this, cause);
            }
          });
    }
  }

  @Override
  public CompletableFuture<Void> close() {
    CompletableFuture<Void> closed = new CompletableFuture<>();
    if (!closing && lost == null && channel.isActive()) {
      closing = true;
      Command good = Command.of(Wire.CMD_DISC, 0, 0, 0);
      channel.write(header(good, nextCookie++), channel.voidPromise());
      channel.flush();
    }
    closing = true;
    channel.close().addListener(f -> closed.complete(null));
    return closed;
  }

  // ReplyDecoder.Commands

  @Override
  public @Nullable Command find(long cookie) {
    return inFlight.get(cookie);
  }

  @Override
  public void complete(long cookie, Command command) {
    inFlight.remove(cookie);
    Listener l = listener;
    if (l == null) {
      throw new IllegalStateException("a reply before any request");
    }
    l.answered(this, command);
  }

  // The channel.

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ByteBuf in = (ByteBuf) message;
    try {
      if (lost == null && !closing) {
        reading = true;
        quietSince = reactor.nanoTime();
        decoder.feed(in);
      }
    } catch (ReplyDecoder.ProtocolException e) {
      fail(e);
    } finally {
      in.release();
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) {
    reading = false;
    ctx.flush();
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    fail(new EOFException("the server closed the connection"));
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    fail(cause);
  }
}
