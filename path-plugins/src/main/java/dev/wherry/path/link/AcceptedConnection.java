package dev.wherry.path.link;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.EventLoop;
import java.security.SecureRandom;
import org.jspecify.annotations.Nullable;

/** The listener's end of a connection. */
final class AcceptedConnection extends LinkConnection {
  private enum Phase {
    OPENING,
    CHALLENGED,
    WAITING,
    UP,
    REFUSED
  }

  private static final SecureRandom RANDOM = new SecureRandom();

  private final LinkHub hub;
  private final Traffic strangers = new Traffic();
  private final long nonce = RANDOM.nextLong();
  private Phase phase = Phase.OPENING;
  private @Nullable ServerSession session;

  AcceptedConnection(LinkHub hub, LinkOptions options) {
    super(options, Frame.REQUEST, new RoundTrip());
    this.hub = hub;
  }

  EventLoop loop() {
    return channel().eventLoop();
  }

  @Override
  Traffic traffic() {
    ServerSession s = session;
    return s == null ? strangers : s.traffic();
  }

  /** Tells the dialer why not, and ends the connection. */
  void refuse(String why) {
    phase = Phase.REFUSED;
    decoder().close();
    ByteBuf body = Unpooled.buffer();
    Head.writeText(body, why);
    out().control(Frame.REFUSE, 0, body);
    out().pump();
    channel().writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
  }

  @Override
  void malformed(MalformedException e) {
    if (phase == Phase.UP) {
      super.malformed(e);
    } else if (isOpen() && phase != Phase.REFUSED) {
      refuse("malformed: " + e.getMessage());
    }
  }

  @Override
  void frame(int type, long sequence, ByteBuf body) {
    if (phase == Phase.OPENING && type == Frame.OPEN) {
      Greeting.Open open = Greeting.Open.read(body);
      int version = open.common();
      if (version == 0) {
        refuse(
            "it speaks versions "
                + Greeting.MIN_VERSION
                + " to "
                + Greeting.MAX_VERSION
                + " of the link, this node "
                + open.min()
                + " to "
                + open.max());
        return;
      }
      phase = Phase.CHALLENGED;
      ByteBuf challenge = Unpooled.buffer();
      new Greeting.Challenge(version, nonce).write(challenge);
      out().control(Frame.CHALLENGE, 0, challenge);
    } else if (phase == Phase.CHALLENGED && type == Frame.HELLO) {
      hello(Greeting.Hello.read(body));
    } else if (phase == Phase.UP && type == Frame.ACK) {
      session().acknowledged(this, Greeting.readNumbers(body));
    } else if (phase == Phase.UP && type == Frame.CANCEL) {
      session().cancelled(this, sequence);
    } else {
      throw new MalformedException("a frame of type " + type + " where none may come");
    }
  }

  private void hello(Greeting.Hello h) {
    if (h.nonce() != nonce) {
      refuse("the greeting belongs to another connection");
      return;
    }
    String no = hub.admit(h);
    ServerSession s = no == null ? hub.session(h.from().name()) : null;
    if (s == null) {
      refuse(no == null ? "it is closing" : no);
      return;
    }
    phase = Phase.WAITING;
    s.hello(this, h);
  }

  @Override
  boolean pinging() {
    return phase == Phase.WAITING;
  }

  /** The session is here now; on this event loop. */
  void join(ServerSession to, Greeting.Welcome welcome) {
    phase = Phase.UP;
    session = to;
    greeted();
    out().countFor(to.traffic());
    ByteBuf body = Unpooled.buffer();
    welcome.write(body);
    out().control(Frame.WELCOME, 0, body);
  }

  private ServerSession session() {
    return java.util.Objects.requireNonNull(session);
  }

  @Override
  public void begun(int cls, long sequence, Head head) {
    if (phase != Phase.UP) {
      throw new MalformedException("a request before the greeting is over");
    }
    session().begun(this, cls, sequence, (Head.Request) head);
  }

  @Override
  public void message(int cls, long sequence, Head head, ByteBuf payload) {
    traffic().receivedRaw.add(payload.readableBytes());
    session().execute(this, cls, sequence, (Head.Request) head, payload);
  }

  @Override
  void ended(String why) {
    ServerSession s = session;
    if (s != null) {
      s.disconnected(this, why);
    }
  }
}
