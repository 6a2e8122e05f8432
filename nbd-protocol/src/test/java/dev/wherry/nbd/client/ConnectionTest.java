package dev.wherry.nbd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Transmission, fed byte by byte; replies in and out of the protocol. */
final class ConnectionTest {
  private static final long OFFSET = 4096;

  private final SimReactor reactor = new SimReactor();
  private final EmbeddedChannel channel = new EmbeddedChannel();
  private final List<Command> answered = new ArrayList<>();
  private @Nullable Throwable lost;
  private Connection connection = connection(true, false);

  private Connection connection(boolean structured, boolean extended) {
    Terms terms =
        new Terms(
            1 << 30,
            Wire.FLAG_HAS_FLAGS,
            1,
            4096,
            32 << 20,
            "",
            structured,
            extended,
            Map.of(7, Extent.BASE_ALLOCATION, 9, "x:y"));
    Connection made = new Connection(channel, reactor, terms);
    made.start(
        new Link.Listener() {
          @Override
          public void answered(Link link, Command command) {
            answered.add(command);
          }

          @Override
          public void lost(Link link, Throwable cause) {
            lost = cause;
          }
        });
    return made;
  }

  private void use(boolean structured, boolean extended) {
    connection = connection(structured, extended);
    channel.pipeline().addLast(connection);
  }

  @AfterEach
  void releaseAll() {
    connection.unanswered().forEach(Command::releasePayload);
    answered.forEach(Command::dropReply);
    channel.finishAndReleaseAll();
  }

  private Command send(Command c) {
    connection.send(c);
    reactor.advance(0);
    return c;
  }

  private Command read(int length) {
    return send(Command.of(Wire.CMD_READ, 0, OFFSET, length));
  }

  private Command status(long length) {
    return send(Command.of(Wire.CMD_BLOCK_STATUS, 0, OFFSET, length));
  }

  private void receive(ByteBuf bytes) {
    while (bytes.isReadable() && channel.isOpen()) {
      channel.writeInbound(bytes.readRetainedSlice(1));
    }
    bytes.release();
    reactor.advance(0);
  }

  private static ByteBuf simple(int error, long cookie) {
    return Unpooled.buffer().writeInt(Wire.SIMPLE_REPLY_MAGIC).writeInt(error).writeLong(cookie);
  }

  private static ByteBuf chunk(int flags, int type, long cookie, long length) {
    return Unpooled.buffer()
        .writeInt(Wire.STRUCTURED_REPLY_MAGIC)
        .writeShort(flags)
        .writeShort(type)
        .writeLong(cookie)
        .writeInt((int) length);
  }

  private static ByteBuf wide(int flags, int type, long cookie, long length) {
    return Unpooled.buffer()
        .writeInt(Wire.EXTENDED_REPLY_MAGIC)
        .writeShort(flags)
        .writeShort(type)
        .writeLong(cookie)
        .writeLong(OFFSET)
        .writeLong(length);
  }

  private static ByteBuf data(int flags, long offset, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    return chunk(flags, Wire.REPLY_TYPE_OFFSET_DATA, 1, 8 + bytes.length)
        .writeLong(offset)
        .writeBytes(bytes);
  }

  private static ByteBuf hole(int flags, long offset, int length) {
    return chunk(flags, Wire.REPLY_TYPE_OFFSET_HOLE, 1, 12).writeLong(offset).writeInt(length);
  }

  private static String text(Command c) {
    ByteBuf data = c.takeData();
    String text = data.toString(StandardCharsets.US_ASCII);
    data.release();
    return text;
  }

  @Test
  void aSimpleReadGathersItsBytes() {
    use(false, false);
    Command c = read(5);
    receive(simple(0, 1).writeBytes("hello".getBytes(StandardCharsets.US_ASCII)));
    assertEquals(List.of(c), answered);
    assertEquals("hello", text(c));
    assertNull(lost);
  }

  @Test
  void chunksInAnyOrderAndHolesMakeOneRead() {
    use(true, false);
    Command c = read(10);
    receive(data(0, OFFSET + 7, "xyz"));
    receive(hole(0, OFFSET + 3, 4));
    assertEquals(List.of(), answered);
    receive(data(Wire.REPLY_FLAG_DONE, OFFSET, "abc"));
    assertEquals(List.of(c), answered);
    assertEquals("abc\0\0\0\0xyz", text(c));
  }

  @Test
  void repliesOutOfOrderFindTheirRequests() {
    use(true, false);
    Command first = send(Command.of(Wire.CMD_FLUSH, 0, 0, 0));
    Command second = send(Command.of(Wire.CMD_TRIM, 0, 0, 512));
    receive(simple(0, 2));
    receive(chunk(Wire.REPLY_FLAG_DONE, Wire.REPLY_TYPE_NONE, 1, 0));
    assertEquals(List.of(second, first), answered);
    assertNull(first.error());
  }

  @Test
  void anErrorWithAnOffsetFailsTheReadButNotTheConnection() {
    use(true, false);
    Command c = read(10);
    receive(data(0, OFFSET, "abc"));
    receive(
        chunk(Wire.REPLY_FLAG_DONE, Wire.REPLY_TYPE_ERROR_OFFSET, 1, 4 + 2 + 3 + 8)
            .writeInt(NbdError.ENOMEM.code())
            .writeShort(3)
            .writeBytes("bad".getBytes(StandardCharsets.US_ASCII))
            .writeLong(OFFSET + 3));
    assertEquals(List.of(c), answered);
    assertEquals(NbdError.ENOMEM, c.error());
    assertTrue(c.failure("S").getMessage().contains("bad (at offset 4099)"));
    assertNull(lost);
  }

  @Test
  void anErrorOfAnUnknownKindIsStillAnError() {
    use(true, false);
    Command c = read(10);
    receive(
        chunk(Wire.REPLY_FLAG_DONE, Wire.REPLY_TYPE_FLAG_ERROR | 99, 1, 9)
            .writeInt(5)
            .writeShort(0)
            .writeZero(3));
    assertEquals(NbdError.EIO, c.error());
    assertEquals(List.of(c), answered);
  }

  @Test
  void blockStatusIsCutAtTheEndOfTheRequest() {
    use(true, false);
    Command c = status(100);
    receive(
        chunk(0, Wire.REPLY_TYPE_BLOCK_STATUS, 1, 20)
            .writeInt(7)
            .writeInt(60)
            .writeInt(3)
            .writeInt(1000)
            .writeInt(0));
    receive(chunk(0, Wire.REPLY_TYPE_BLOCK_STATUS, 1, 12).writeInt(9).writeInt(10).writeInt(1));
    receive(chunk(Wire.REPLY_FLAG_DONE, Wire.REPLY_TYPE_NONE, 1, 0));
    assertEquals(List.of(c), answered);
    assertEquals(List.of(new Extent(60, 3), new Extent(40, 0)), c.extents(Extent.BASE_ALLOCATION));
    assertEquals(List.of(new Extent(10, 1)), c.extents("x:y"));
  }

  @Test
  void extendedHeadersCarry64BitLengths() {
    use(true, true);
    long large = 1L << 40;
    Command zero = send(Command.of(Wire.CMD_WRITE_ZEROES, 0, OFFSET, large));
    ByteBuf sent = channel.readOutbound();
    assertEquals(Wire.EXTENDED_REQUEST_MAGIC, sent.readInt());
    assertEquals(0, sent.readShort());
    assertEquals(Wire.CMD_WRITE_ZEROES, sent.readShort());
    assertEquals(1, sent.readLong());
    assertEquals(OFFSET, sent.readLong());
    assertEquals(large, sent.readLong());
    assertFalse(sent.isReadable());
    sent.release();
    receive(wide(Wire.REPLY_FLAG_DONE, Wire.REPLY_TYPE_NONE, 1, 0));
    Command status = status(large);
    receive(
        wide(Wire.REPLY_FLAG_DONE, Wire.REPLY_TYPE_BLOCK_STATUS_EXT, 2, 8 + 16)
            .writeInt(7)
            .writeInt(1)
            .writeLong(large)
            .writeLong(1L << 35));
    assertEquals(List.of(zero, status), answered);
    assertEquals(List.of(new Extent(large, 1L << 35)), status.extents(Extent.BASE_ALLOCATION));
  }

  @Test
  void aWriteGoesOutWithItsHeaderAndPayload() {
    use(true, true);
    send(Command.write(Command.Role.CALLER, Wire.CMD_FLAG_FUA, 512, Unpooled.copyInt(42)));
    ByteBuf header = channel.readOutbound();
    assertEquals(
        "21e41c71"
            + "0021" // FUA and PAYLOAD_LEN
            + "0001"
            + "0000000000000001"
            + "0000000000000200"
            + "0000000000000004",
        ByteBufUtil.hexDump(header));
    header.release();
    ByteBuf payload = channel.readOutbound();
    assertEquals(42, payload.readInt());
    payload.release();
  }

  static Stream<Arguments> violations() {
    return Stream.of(
        violation("bad magic", b -> b.writeInt(0x12345678)),
        violation("the magic of extended headers", b -> b.writeInt(Wire.EXTENDED_REPLY_MAGIC)),
        violation("a simple reply to a structured read", b -> b.writeBytes(simple(0, 1))),
        violation("an unknown cookie", b -> b.writeBytes(simple(0, 99))),
        violation(
            "an unknown cookie in a chunk",
            b -> b.writeBytes(chunk(1, Wire.REPLY_TYPE_NONE, 99, 0))),
        violation("data before the range", b -> b.writeBytes(data(0, OFFSET - 1, "abc"))),
        violation("data behind the range", b -> b.writeBytes(data(0, OFFSET + 8, "abc"))),
        violation("data far away", b -> b.writeBytes(data(0, -1, "abc"))),
        violation(
            "more data than the range",
            b -> b.writeBytes(chunk(0, Wire.REPLY_TYPE_OFFSET_DATA, 1, 8 + 11))),
        violation(
            "4 GiB of data",
            b -> b.writeBytes(chunk(0, Wire.REPLY_TYPE_OFFSET_DATA, 1, 0xffffffffL))),
        violation(
            "data without a byte", b -> b.writeBytes(chunk(0, Wire.REPLY_TYPE_OFFSET_DATA, 1, 8))),
        violation(
            "a byte twice",
            b -> b.writeBytes(data(0, OFFSET, "abc")).writeBytes(data(0, OFFSET + 2, "cd"))),
        violation(
            "a hole over data",
            b -> b.writeBytes(data(0, OFFSET + 4, "abc")).writeBytes(hole(0, OFFSET, 5))),
        violation("a hole of nothing", b -> b.writeBytes(hole(0, OFFSET, 0))),
        violation("a hole of 4 GiB", b -> b.writeBytes(hole(0, OFFSET, -1))),
        violation("a gap", b -> b.writeBytes(data(Wire.REPLY_FLAG_DONE, OFFSET, "abc"))),
        violation(
            "no data at all",
            b -> b.writeBytes(chunk(Wire.REPLY_FLAG_DONE, Wire.REPLY_TYPE_NONE, 1, 0))),
        violation(
            "an end that is not one", b -> b.writeBytes(chunk(0, Wire.REPLY_TYPE_NONE, 1, 0))),
        violation("an end with a payload", b -> b.writeBytes(chunk(1, Wire.REPLY_TYPE_NONE, 1, 4))),
        violation("an unknown chunk", b -> b.writeBytes(chunk(1, 77, 1, 4))),
        violation(
            "block status for a read",
            b -> b.writeBytes(chunk(1, Wire.REPLY_TYPE_BLOCK_STATUS, 1, 12))),
        violation(
            "an error of no error",
            b -> b.writeBytes(chunk(1, Wire.REPLY_TYPE_ERROR, 1, 6)).writeInt(0).writeShort(0)),
        violation(
            "an error text that is longer than its chunk",
            b -> b.writeBytes(chunk(1, Wire.REPLY_TYPE_ERROR, 1, 6)).writeInt(5).writeShort(9)),
        violation(
            "an error outside of the range",
            b ->
                b.writeBytes(chunk(1, Wire.REPLY_TYPE_ERROR_OFFSET, 1, 14))
                    .writeInt(5)
                    .writeShort(0)
                    .writeLong(OFFSET + 10)),
        violation(
            "an endless error", b -> b.writeBytes(chunk(1, Wire.REPLY_TYPE_ERROR, 1, 1 << 20))));
  }

  private static Arguments violation(String what, Consumer<ByteBuf> bytes) {
    return Arguments.of(what, bytes);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("violations")
  void aServerThatBreaksTheProtocolLosesTheConnection(String what, Consumer<ByteBuf> bytes) {
    use(true, false);
    Command c = read(10);
    ByteBuf all = Unpooled.buffer();
    bytes.accept(all);
    receive(all);
    assertInstanceOf(ReplyDecoder.ProtocolException.class, lost, what);
    assertEquals(List.of(), answered);
    assertFalse(channel.isOpen());
    assertEquals(List.of(c), connection.unanswered());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 101})
  void anExtentOfNoLengthOrBehindTheEndLosesTheConnection(int first) {
    use(true, false);
    status(100);
    receive(
        chunk(1, Wire.REPLY_TYPE_BLOCK_STATUS, 1, 20)
            .writeInt(7)
            .writeInt(first)
            .writeInt(0)
            .writeInt(1)
            .writeInt(0));
    assertInstanceOf(ReplyDecoder.ProtocolException.class, lost);
  }

  @Test
  void aContextThatWasNotAgreedLosesTheConnection() {
    use(true, false);
    status(100);
    receive(chunk(1, Wire.REPLY_TYPE_BLOCK_STATUS, 1, 12).writeInt(8).writeInt(100).writeInt(0));
    assertInstanceOf(ReplyDecoder.ProtocolException.class, lost);
  }

  @Test
  void manyTinyPiecesAreNotAllowedToFillTheMemory() {
    Coverage coverage = new Coverage(32 << 20);
    int accepted = 0;
    while (coverage.claim(1 + 2L * accepted, 1)) {
      accepted++;
    }
    assertEquals(65536, accepted);
  }

  @Test
  void aConnectionThatEndsTellsSoOnce() {
    use(true, false);
    Command c = read(10);
    channel.close();
    reactor.advance(0);
    assertTrue(String.valueOf(lost).contains("the server closed the connection"));
    lost = null;
    connection.fail(new IllegalStateException());
    reactor.advance(0);
    assertNull(lost);
    assertEquals(List.of(c), connection.unanswered());
  }
}
