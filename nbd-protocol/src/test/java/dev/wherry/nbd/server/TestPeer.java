package dev.wherry.nbd.server;

import dev.wherry.nbd.server.ReplyReader.OptionReply;
import dev.wherry.nbd.server.ReplyReader.Reply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.FileRegion;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.ReferenceCountUtil;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/**
 * A client of a server's pipeline without a socket: what it sends arrives as the {@link Feed} cuts
 * it, whenever the server reads; it reads replies or, on request, does not.
 */
final class TestPeer {
  private final Feed feed;
  private final Random random;
  private final Socket channel;
  private final Deque<byte[]> toSend = new ArrayDeque<>();
  private final ByteArrayOutputStream received = new ByteArrayOutputStream();
  private int consumed;
  private boolean extended;

  /** A channel whose peer may stop reading. */
  private static final class Socket extends EmbeddedChannel {
    private boolean peerReads = true;

    Socket() {
      super(false, false);
    }

    @Override
    protected void doWrite(ChannelOutboundBuffer in) throws Exception {
      if (peerReads) {
        super.doWrite(in);
      }
    }
  }

  TestPeer(TestServer server, TlsMode tls, Feed feed, long seed) {
    this.feed = feed;
    this.random = new Random(seed);
    this.channel = new Socket();
    Peer peer = new Peer(seed, channel.localAddress(), channel.localAddress(), null);
    try {
      channel.register();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
    channel.freezeTime();
    channel.pipeline().addLast(new NegotiationHandler(server.core, tls, peer, null));
    channel.pipeline().fireChannelActive();
    pump();
  }

  EmbeddedChannel channel() {
    return channel;
  }

  /** Sends what the script holds, as far as the server takes it. */
  TestPeer send(UnaryOperator<Script> script) {
    return send(script.apply(script()).bytes());
  }

  TestPeer send(byte[] bytes) {
    toSend.addAll(feed.cut(bytes, random));
    pump();
    return this;
  }

  private Script script() {
    return new Script().assumeExtended(extended);
  }

  /** Runs what the event loop has to do and delivers what the server is willing to read. */
  void pump() {
    channel.runPendingTasks();
    while (channel.isActive() && channel.config().isAutoRead() && !toSend.isEmpty()) {
      byte[] piece = toSend.remove();
      ByteBuf b = PooledByteBufAllocator.DEFAULT.directBuffer(piece.length);
      channel.pipeline().fireChannelRead(b.writeBytes(piece));
      channel.pipeline().fireChannelReadComplete();
      channel.runPendingTasks();
    }
    channel.runPendingTasks();
    collect();
  }

  private void collect() {
    for (Object m = channel.readOutbound(); m != null; m = channel.readOutbound()) {
      try {
        if (m instanceof ByteBuf b) {
          b.getBytes(b.readerIndex(), received, b.readableBytes());
        } else if (m instanceof FileRegion f) {
          f.transferTo(Channels.newChannel(received), f.transferred());
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } finally {
        ReferenceCountUtil.release(m);
      }
    }
  }

  /** What was sent and the server does not read. */
  int unread() {
    return toSend.stream().mapToInt(b -> b.length).sum();
  }

  /** From now on, reads nothing; or reads again. */
  void reads(boolean yes) {
    channel.peerReads = yes;
    if (yes) {
      channel.flush();
      pump();
    }
  }

  boolean open() {
    return channel.isActive();
  }

  void advance(long millis) {
    channel.advanceTimeBy(millis, TimeUnit.MILLISECONDS);
    pump();
  }

  /** The client's side closes, or the connection is reset. */
  void close() {
    channel.close();
    pump();
  }

  /** What came since the last call. */
  ReplyReader received() {
    pump();
    byte[] all = received.toByteArray();
    byte[] fresh = java.util.Arrays.copyOfRange(all, consumed, all.length);
    consumed = all.length;
    return new ReplyReader(fresh);
  }

  byte[] allReceived() {
    pump();
    return received.toByteArray();
  }

  // What most tests do.

  /** Takes the greeting and sends the usual client flags. */
  TestPeer greet() {
    received().greeting();
    return send(Script::flags);
  }

  /** The replies to what is sent. */
  List<OptionReply> ask(UnaryOperator<Script> script) {
    send(script);
    return received().options();
  }

  /** The last reply to what is sent. */
  OptionReply askOne(UnaryOperator<Script> script) {
    List<OptionReply> all = ask(script);
    return all.get(all.size() - 1);
  }

  /** Negotiates to the transmission phase. */
  TestPeer attach(Mode mode, String export, String... contexts) {
    greet();
    extended = mode == Mode.EXTENDED;
    send(
        s -> {
          switch (mode) {
            case SIMPLE -> {}
            case STRUCTURED -> s.structured();
            case EXTENDED -> s.extended();
          }
          if (contexts.length > 0) {
            s.setContexts(export, contexts);
          }
          return s.go(export);
        });
    List<OptionReply> replies = received().options();
    for (OptionReply r : replies) {
      if (r.isError()) {
        throw new AssertionError("refused: " + r.text());
      }
    }
    return this;
  }

  /** The replies that have come, none of them to a read. */
  List<Reply> replies() {
    return received().replies();
  }

  /** The one reply to what is sent, which is no read. */
  Reply request(UnaryOperator<Script> script) {
    send(script);
    return only(received());
  }

  Reply read(long cookie, long offset, int length) {
    send(s -> s.read(cookie, offset, length));
    return only(received().expectRead(cookie, offset, length));
  }

  static Reply only(ReplyReader reader) {
    List<Reply> all = reader.replies();
    if (all.size() != 1) {
      throw new AssertionError(all.size() + " replies instead of one");
    }
    return all.get(0);
  }

  /** How replies are formed. */
  enum Mode {
    SIMPLE,
    STRUCTURED,
    EXTENDED
  }
}
