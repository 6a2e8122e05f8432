package dev.wherry.path.link;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/** A dialer made of frames, for what a real one never sends. Blocks. */
final class RawDialer implements AutoCloseable {
  /** What came. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Got(int type, long sequence, byte[] body) {
    String text() {
      return Head.readText(Unpooled.wrappedBuffer(body));
    }
  }

  private final Socket socket;
  private final Queue<Got> got = new ArrayDeque<>();
  private final FrameDecoder decoder;

  RawDialer(int port) throws IOException {
    socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setSoTimeout(60_000);
    decoder =
        new FrameDecoder(
            UnpooledByteBufAllocator.DEFAULT,
            Frame.REPLY,
            new FrameDecoder.Sink() {
              @Override
              public void control(int type, long sequence, ByteBuf body) {
                byte[] bytes = new byte[body.readableBytes()];
                body.readBytes(bytes);
                if (type != Frame.PING) {
                  got.add(new Got(type, sequence, bytes));
                }
              }

              @Override
              public void begun(int cls, long sequence, Head head) {}

              @Override
              public void message(int cls, long sequence, Head head, ByteBuf payload) {
                got.add(new Got(Frame.REPLY, sequence, TestNode.take(payload)));
              }
            });
  }

  static ByteBuf frame(int type, int cls, long sequence, Consumer<ByteBuf> body) {
    ByteBuf out = Unpooled.buffer();
    Frame.header(out, 0, type, cls, Frame.RAW, sequence, 0);
    body.accept(out);
    Frame.finish(out, 0, new CRC32C());
    return out;
  }

  RawDialer send(ByteBuf frame) throws IOException {
    socket.getOutputStream().write(TestNode.take(frame));
    return this;
  }

  RawDialer open(int min, int max) throws IOException {
    return send(frame(Frame.OPEN, 0, 0, new Greeting.Open(min, max)::write));
  }

  long nonce() throws IOException {
    Got g = next();
    if (g == null || g.type() != Frame.CHALLENGE) {
      throw new IOException("no challenge but " + g);
    }
    return Greeting.Challenge.read(Unpooled.wrappedBuffer(g.body())).nonce();
  }

  RawDialer hello(long nonce, String name, UUID uuid, String to, long session, long attempt)
      throws IOException {
    Greeting.Hello h =
        new Greeting.Hello(nonce, new LinkIdentity(name, uuid), to, session, attempt, List.of());
    return send(frame(Frame.HELLO, 0, 0, h::write));
  }

  RawDialer request(int cls, long sequence, Op op, long length) throws IOException {
    Head.Request r = new Head.Request(op, "v", 1, 0, length, 0, 0);
    return send(frame(Frame.REQUEST, cls, sequence, r::write));
  }

  /** The next frame that is no ping, or null at the end. */
  @Nullable Got next() throws IOException {
    InputStream in = socket.getInputStream();
    byte[] bytes = new byte[4096];
    while (got.isEmpty()) {
      int n;
      try {
        n = in.read(bytes);
      } catch (java.net.SocketException e) {
        // Reset: it closed while it had not read all that was sent.
        return null;
      }
      if (n < 0) {
        return null;
      }
      decoder.read(Unpooled.wrappedBuffer(bytes, 0, n));
    }
    return got.remove();
  }

  @Override
  public void close() throws IOException {
    decoder.close();
    socket.close();
  }
}
