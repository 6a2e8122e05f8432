package dev.wherry.path.link;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.util.ArrayList;
import java.util.List;

/** The dialer's end of a connection. */
final class DialedConnection extends LinkConnection {
  private enum Phase {
    OPENING,
    CHALLENGED,
    UP
  }

  private static final int ACKS_AT_A_TIME = 4096;

  private final LinkClient client;
  private final List<Long> acks = new ArrayList<>();
  private Phase phase = Phase.OPENING;
  private boolean refused;

  DialedConnection(LinkClient client, LinkOptions options, RoundTrip roundTrip) {
    super(options, Frame.REPLY, roundTrip);
    this.client = client;
  }

  @Override
  Traffic traffic() {
    return client.traffic();
  }

  /** Whether the end of it was a refusal, by either side. */
  boolean isRefused() {
    return refused;
  }

  void refuse(String why) {
    refused = true;
    fail(why);
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    if (options.clientTls() == null) {
      open();
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event instanceof SslHandshakeCompletionEvent tls) {
      if (tls.isSuccess()) {
        open();
      } else {
        refuse(describe(tls.cause()));
      }
    }
  }

  private void open() {
    ByteBuf body = Unpooled.buffer();
    new Greeting.Open(Greeting.MIN_VERSION, Greeting.MAX_VERSION).write(body);
    out().control(Frame.OPEN, 0, body);
  }

  @Override
  void frame(int type, long sequence, ByteBuf body) {
    if (type == Frame.REFUSE) {
      refuse(Head.readText(body));
    } else if (type == Frame.CHALLENGE && phase == Phase.OPENING) {
      Greeting.Challenge c = Greeting.Challenge.read(body);
      if (c.version() < Greeting.MIN_VERSION || c.version() > Greeting.MAX_VERSION) {
        throw new MalformedException("version " + c.version() + " of the link, which nobody asked");
      }
      phase = Phase.CHALLENGED;
      ByteBuf hello = Unpooled.buffer();
      client.hello(c.nonce()).write(hello);
      out().control(Frame.HELLO, 0, hello);
    } else if (type == Frame.WELCOME && phase == Phase.CHALLENGED) {
      phase = Phase.UP;
      client.welcome(this, Greeting.Welcome.read(body));
    } else if (type == Frame.ENDED && phase == Phase.UP) {
      client.cancelled(sequence);
    } else {
      throw new MalformedException("a frame of type " + type + " where none may come");
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    String why = describe(cause);
    if (why.startsWith("TLS: ")) {
      // Also what the listener says of our certificate, which comes after our handshake is done.
      refuse(why);
    } else {
      super.exceptionCaught(ctx, cause);
    }
  }

  @Override
  public void begun(int cls, long sequence, Head head) {
    if (phase != Phase.UP) {
      throw new MalformedException("an answer before the greeting is over");
    }
    client.answering(cls, sequence);
  }

  @Override
  public void message(int cls, long sequence, Head head, ByteBuf payload) {
    traffic().receivedRaw.add(payload.readableBytes());
    acks.add(sequence);
    out().schedule();
    client.answered(sequence, ((Head.Reply) head).with(payload));
  }

  /** Before any request that uses the credits that this frees. */
  @Override
  public void beforeFlush() {
    for (int from = 0; from < acks.size(); from += ACKS_AT_A_TIME) {
      List<Long> some = acks.subList(from, Math.min(acks.size(), from + ACKS_AT_A_TIME));
      ByteBuf body = Unpooled.buffer(4 + 8 * some.size());
      Greeting.writeNumbers(body, some);
      out().control(Frame.ACK, 0, body);
    }
    acks.clear();
  }

  @Override
  void ended(String why) {
    client.ended(this, why);
  }
}
