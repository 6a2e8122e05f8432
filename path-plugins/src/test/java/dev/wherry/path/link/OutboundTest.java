package dev.wherry.path.link;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The order of what goes out, and in what form. */
class OutboundTest {
  private static final int MIB = 1 << 20;

  private final AtomicLong clock = new AtomicLong(1);
  private final Traffic traffic = new Traffic();
  private final EmbeddedChannel channel = new EmbeddedChannel();
  private Outbound out = outbound(true, false);

  private Outbound outbound(boolean compress, boolean loopback) {
    // The clock goes on by a tick per look: compression seems to take next to no time.
    Compression c = new Compression(compress, loopback, clock::incrementAndGet);
    return new Outbound(channel, traffic, c, () -> {});
  }

  @AfterEach
  void nothingIsLeft() {
    out.close();
    channel.finishAndReleaseAll();
  }

  private Outgoing message(int cls, long number, byte[] bytes) {
    ByteBuf payload = Unpooled.directBuffer(bytes.length + 1).writeBytes(bytes);
    Outgoing o =
        new Outgoing(
            cls, number, new Head.Request(Op.WRITE, "v", 1, 0, 0, 0, bytes.length), payload);
    payload.release();
    return o;
  }

  /** Numbers of messages in the order in which they were complete. */
  private List<Long> receive(List<byte[]> payloads) {
    List<Long> order = new ArrayList<>();
    FrameDecoder decoder =
        new FrameDecoder(
            UnpooledByteBufAllocator.DEFAULT,
            Frame.REQUEST,
            new FrameDecoder.Sink() {
              @Override
              public void control(int type, long sequence, ByteBuf body) {
                order.add(-sequence);
              }

              @Override
              public void begun(int cls, long sequence, Head head) {}

              @Override
              public void message(int cls, long sequence, Head head, ByteBuf payload) {
                order.add(sequence);
                payloads.add(TestNode.take(payload));
              }
            });
    channel.runPendingTasks();
    for (ByteBuf b = channel.readOutbound(); b != null; b = channel.readOutbound()) {
      decoder.read(b);
      b.release();
    }
    decoder.close();
    return order;
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  @Test
  void lowerClassesGoFirstAndControlFramesBeforeAll() {
    out.add(message(3, 1, random(MIB)));
    out.add(message(2, 2, random(MIB / 4)));
    out.add(message(0, 3, random(10)));
    out.add(message(1, 4, random(10)));
    out.control(Frame.PING, 9);
    assertEquals(List.of(-9L, 3L, 4L, 2L, 1L), receive(new ArrayList<>()));
  }

  @Test
  void aClassThatIsPassedOverForLongGetsAPieceNowAndThen() {
    out.add(message(3, 1, random(2 * Frame.PIECE)));
    for (int i = 0; i < 5; i++) {
      out.add(message(1, 10 + i, random(MIB)));
    }
    List<Long> order = receive(new ArrayList<>());
    assertTrue(order.indexOf(1L) >= 2 && order.indexOf(1L) <= 3, order.toString());
  }

  @Test
  void smallMessagesThatWaitTogetherAreOneWrite() {
    for (int i = 0; i < 50; i++) {
      out.add(message(1, i, random(10)));
    }
    channel.runPendingTasks();
    assertEquals(1, channel.outboundMessages().size());
    assertEquals(50, receive(new ArrayList<>()).size());
  }

  @Test
  void whatIsTakenBackIsNotSent() {
    Outgoing taken = message(1, 2, random(MIB));
    out.add(message(1, 1, random(10)));
    out.add(taken);
    out.add(message(1, 3, random(10)));
    assertTrue(out.remove(taken));
    assertFalse(out.remove(taken));
    assertEquals(List.of(1L, 3L), receive(new ArrayList<>()));
  }

  @Test
  void dataThatShrinksIsCompressedAndZeroesAreLengths() {
    byte[] text = new byte[MIB];
    Arrays.fill(text, (byte) 'x');
    Arrays.fill(text, MIB / 2, MIB, (byte) 0);
    List<byte[]> got = new ArrayList<>();
    out.add(message(3, 1, text));
    receive(got);
    assertArrayEquals(text, got.get(0));
    LinkStats s = traffic.stats();
    assertEquals(MIB, s.sentRaw());
    assertEquals(MIB / 2, s.zeroes());
    assertEquals(MIB / 2, s.compressed());
    assertTrue(s.sentWire() < 10_000, s.toString());
  }

  @Test
  void whatDoesNotShrinkGoesAsItIs() {
    List<byte[]> got = new ArrayList<>();
    out.add(message(3, 1, random(3 * MIB + 7)));
    receive(got);
    assertArrayEquals(random(3 * MIB + 7), got.get(0));
    assertEquals(0, traffic.stats().compressed());
  }

  @Test
  void theLoopbackAndAPathThatNeverBlocksAreNotCompressed() {
    byte[] text = new byte[MIB];
    Arrays.fill(text, (byte) 'x');
    out.close();
    out = outbound(true, true);
    out.add(message(3, 1, text));
    receive(new ArrayList<>());
    assertEquals(0, traffic.stats().compressed());
  }

  @Test
  void aPathThatBlocksIsCompressedAndOneThatDoesNotIsNotAnyMore() {
    Compression c = new Compression(true, false, clock::incrementAndGet);
    byte[] text = new byte[Frame.PIECE];
    Arrays.fill(text, (byte) 'x');
    ByteBuf data = Unpooled.wrappedBuffer(text);
    for (int i = 0; i < 40; i++) {
      c.sent(MIB);
      c.idle();
    }
    assertNull(c.tryCompress(data, 0, text.length, UnpooledByteBufAllocator.DEFAULT));
    for (int i = 0; i < 40; i++) {
      c.sent(MIB);
      c.blocked();
      clock.addAndGet(20L * MIB);
      c.unblocked();
    }
    ByteBuf packed = c.tryCompress(data, 0, text.length, UnpooledByteBufAllocator.DEFAULT);
    assertTrue(packed != null && packed.readableBytes() < 1000);
    packed.release();
  }
}
