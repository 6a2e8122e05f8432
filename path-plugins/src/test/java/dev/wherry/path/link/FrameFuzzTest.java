package dev.wherry.path.link;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.EventLoopGroup;
import io.netty.util.ResourceLeakDetector;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Factory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Frames cut anywhere, and frames that are wrong: what comes out is what went in or an end with a
 * reason, never anything else; and memory is taken as bytes arrive. {@code -Dfuzz.cases=N
 * -Dfuzz.seed=FIRST} for more.
 */
@SuppressWarnings("EnumOrdinal") // seeds are only good for one build
class FrameFuzzTest {
  private ResourceLeakDetector.@Nullable Level level;

  @BeforeEach
  void trackWithoutRecords() {
    level = ResourceLeakDetector.getLevel();
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.SIMPLE);
  }

  @AfterEach
  void trackAsBefore() {
    ResourceLeakDetector.setLevel(level);
  }

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Message(long sequence, Head head, byte[] payload) {}

  private static final class Collected implements FrameDecoder.Sink {
    final List<Message> messages = new ArrayList<>();

    @Override
    public void control(int type, long sequence, ByteBuf body) {
      assertTrue(type != Frame.DATA);
    }

    @Override
    public void begun(int cls, long sequence, Head head) {}

    @Override
    public void message(int cls, long sequence, Head head, ByteBuf payload) {
      messages.add(new Message(sequence, head, TestNode.take(payload)));
    }
  }

  @Test
  void whatComesOutIsWhatWentInOrAnEnd() {
    long first = Long.getLong("fuzz.seed", 1);
    long cases = Long.getLong("fuzz.cases", 3_000);
    for (long seed = first; seed < first + cases; seed++) {
      try {
        run(new Random(seed * 0x9e3779b97f4a7c15L));
      } catch (Throwable t) {
        throw new AssertionError("replay with -Dfuzz.cases=1 -Dfuzz.seed=" + seed, t);
      }
    }
  }

  private static void run(Random random) {
    ByteBuf stream = Unpooled.buffer();
    List<Message> sent = new ArrayList<>();
    for (int i = random.nextInt(6); i >= 0; i--) {
      sent.add(message(random, stream, i + 1));
      if (random.nextBoolean()) {
        stream.writeBytes(RawDialer.frame(Frame.PING, 0, i, o -> {}));
      }
    }
    int wrong = random.nextInt(3) == 0 ? 0 : 1 + random.nextInt(3);
    for (int i = 0; i < wrong; i++) {
      spoil(random, stream);
    }
    Collected got = new Collected();
    FrameDecoder decoder = new FrameDecoder(UnpooledByteBufAllocator.DEFAULT, Frame.REQUEST, got);
    boolean malformed = false;
    try {
      while (stream.isReadable()) {
        int most = random.nextBoolean() ? 30 : stream.readableBytes();
        int n = 1 + random.nextInt(Math.max(1, Math.min(most, stream.readableBytes())));
        decoder.read(stream.readSlice(n));
      }
    } catch (MalformedException e) {
      malformed = true;
    } finally {
      decoder.close();
    }
    if (wrong == 0) {
      assertEquals(sent.size(), got.messages.size());
      assertTrue(!malformed);
    }
    for (int i = 0; i < got.messages.size(); i++) {
      Message m = got.messages.get(i);
      assertEquals(sent.get(i).sequence(), m.sequence());
      assertEquals(sent.get(i).head(), m.head());
      assertArrayEquals(sent.get(i).payload(), m.payload());
    }
  }

  private static Message message(Random random, ByteBuf out, long sequence) {
    byte[] payload = new byte[random.nextInt(3) == 0 ? random.nextInt(200_000) : random.nextInt(9)];
    int cls = random.nextInt(Window.CLASSES);
    Op op = Op.values()[random.nextInt(Op.values().length)];
    Head.Request head =
        new Head.Request(op, "ünit", 3, 1L << 40, 9, random.nextInt(), payload.length);
    out.writeBytes(RawDialer.frame(Frame.REQUEST, cls, sequence, head::write));
    CRC32C crc = new CRC32C();
    for (int at = 0; at < payload.length; ) {
      int n = 1 + random.nextInt(Math.min(Frame.PIECE, payload.length - at));
      int start = out.writerIndex();
      int encoding = random.nextInt(3);
      byte[] body = new byte[0];
      if (encoding == Frame.RAW) {
        body = new byte[n];
        random.nextBytes(body);
        System.arraycopy(body, 0, payload, at, n);
      } else if (encoding == Frame.LZ4) {
        java.util.Arrays.fill(payload, at, at + n, (byte) (1 + random.nextInt(100)));
        body = LZ4Factory.fastestInstance().fastCompressor().compress(payload, at, n);
      }
      if (body.length <= Frame.MAX_BODY) {
        Frame.header(out, 0, Frame.DATA, cls, encoding, sequence, n);
        out.writeBytes(body);
        Frame.finish(out, start, crc);
        at += n;
      }
    }
    return new Message(sequence, head, payload);
  }

  /** Changes, removes or doubles bytes. */
  private static void spoil(Random random, ByteBuf b) {
    int at = random.nextInt(b.writerIndex());
    int n = Math.min(1 + random.nextInt(40), b.writerIndex() - at);
    ByteBuf tail = b.copy(at + n, b.writerIndex() - at - n);
    byte[] some = new byte[n];
    b.getBytes(at, some);
    switch (random.nextInt(4)) {
      case 0 -> b.setByte(at, b.getByte(at) ^ (1 << random.nextInt(8)));
      case 1 -> b.writerIndex(at).writeBytes(tail);
      case 2 -> b.writerIndex(at).writeBytes(some).writeBytes(some).writeBytes(tail);
      default -> {
        random.nextBytes(some);
        b.setBytes(at, some);
      }
    }
    tail.release();
    if (b.writerIndex() == 0) {
      b.writeByte(0);
    }
  }

  @Test
  void aPayloadThatIsOnlyAnnouncedTakesLittleMemory() {
    UnpooledByteBufAllocator alloc = new UnpooledByteBufAllocator(true);
    FrameDecoder decoder = new FrameDecoder(alloc, Frame.REQUEST, new Collected());
    for (int cls = 0; cls < Window.CLASSES; cls++) {
      Head.Request r = new Head.Request(Op.WRITE, "v", 1, 0, 0, 0, Frame.MAX_PAYLOAD);
      decoder.read(RawDialer.frame(Frame.REQUEST, cls, 1 + cls, r::write));
    }
    assertTrue(alloc.metric().usedDirectMemory() <= 4 << 20);
    decoder.close();
    assertEquals(0, alloc.metric().usedDirectMemory());
  }

  @Test
  void aPayloadThatIsTooLongIsMalformed() {
    FrameDecoder decoder =
        new FrameDecoder(UnpooledByteBufAllocator.DEFAULT, Frame.REQUEST, new Collected());
    Head.Request r = new Head.Request(Op.WRITE, "v", 1, 0, 0, 0, Frame.MAX_PAYLOAD + 1);
    assertThrows(
        MalformedException.class,
        () -> decoder.read(RawDialer.frame(Frame.REQUEST, 0, 1, r::write)));
    decoder.close();
  }

  /** Frames that are well formed and come where they must not, at a real listener. */
  @Test
  void aListenerOutlivesDialersOfEveryWrongness() throws IOException {
    long first = Long.getLong("fuzz.seed", 1);
    long cases = Long.getLong("fuzz.cases", 3_000) / 20;
    EventLoopGroup group = Loops.EPOLL.create(2);
    AtomicInteger served = new AtomicInteger();
    try (TestNode a = new TestNode(group, "a", UnaryOperator.identity());
        TestNode b = new TestNode(group, "b", UnaryOperator.identity())) {
      b.knows("x", 1);
      b.knows(a);
      a.knows(b);
      b.answer =
          (from, r, p) -> {
            served.incrementAndGet();
            return TestNode.done(LinkReply.ok(1));
          };
      for (long seed = first; seed < first + cases; seed++) {
        wrong(b.port, new Random(seed * 0x9e3779b97f4a7c15L), seed);
      }
      assertTrue(a.ask("b", LinkRequest.of(Op.FLUSH, "v", 1, 0, 0)).isOk());
    } finally {
      Loops.close(group);
    }
  }

  private static void wrong(int port, Random random, long seed) throws IOException {
    try (RawDialer d = new RawDialer(port)) {
      if (random.nextInt(10) > 0) {
        long nonce = d.open(Greeting.MIN_VERSION, Greeting.MAX_VERSION).nonce();
        if (random.nextInt(10) > 0) {
          d.hello(nonce, "x", new UUID(1, 2), "b", random.nextInt(3), seed);
        }
      }
      for (int i = random.nextInt(30); i > 0; i--) {
        int number = random.nextInt(20);
        int cls = random.nextInt(Window.CLASSES);
        switch (random.nextInt(5)) {
          case 0 -> d.send(RawDialer.frame(Frame.CANCEL, 0, number, o -> {}));
          case 1 ->
              d.send(
                  RawDialer.frame(
                      Frame.ACK, 0, 0, o -> Greeting.writeNumbers(o, List.of((long) number))));
          case 2 -> {
            Head.Request r = new Head.Request(Op.WRITE, "v", 1, 0, 0, 0, random.nextInt(99));
            d.send(RawDialer.frame(Frame.REQUEST, cls, number, r::write));
          }
          case 3 -> {
            byte[] junk = new byte[random.nextInt(60)];
            random.nextBytes(junk);
            int type = 1 + random.nextInt(Frame.LAST_TYPE);
            d.send(RawDialer.frame(type, cls, number, o -> o.writeBytes(junk)));
          }
          default -> d.request(cls, number, Op.FLUSH, 0);
        }
      }
    } catch (java.net.SocketException e) {
      // It closed while there was more to send, as it should.
      assertTrue(e.getMessage() != null);
    }
  }
}
