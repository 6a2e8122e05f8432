package dev.wherry.nbd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdUri;
import dev.wherry.nbd.Wire;
import dev.wherry.nbd.client.NbdConnectException.Reason;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The client's negotiation, each answer fed byte by byte. */
final class NegotiatorTest {
  private final CompletableFuture<Terms> result = new CompletableFuture<>();
  private EmbeddedChannel channel = new EmbeddedChannel();

  private void start(String uri, NbdClientOptions options) {
    channel =
        new EmbeddedChannel(
            new Negotiator(
                NbdUri.parse(uri),
                options,
                () -> {
                  throw new IllegalStateException("TLS begins");
                },
                result));
  }

  private void start() {
    start("nbd://h/disk", NbdClientOptions.DEFAULTS);
  }

  @AfterEach
  void stop() {
    channel.finishAndReleaseAll();
  }

  private void receive(ByteBuf bytes) {
    while (bytes.isReadable()) {
      channel.writeInbound(bytes.readRetainedSlice(1));
    }
    bytes.release();
  }

  private void greet(int flags) {
    receive(
        Unpooled.buffer()
            .writeLong(Wire.INIT_MAGIC)
            .writeLong(Wire.OPTION_MAGIC)
            .writeShort(flags));
  }

  private static ByteBuf reply(int option, int type, int length) {
    return Unpooled.buffer()
        .writeLong(Wire.OPTION_REPLY_MAGIC)
        .writeInt(option)
        .writeInt(type)
        .writeInt(length);
  }

  /** All that was sent since the last call. */
  private ByteBuf sent() {
    ByteBuf all = Unpooled.buffer();
    for (ByteBuf b = channel.readOutbound(); b != null; b = channel.readOutbound()) {
      all.writeBytes(b);
      b.release();
    }
    return all;
  }

  /** The next option that was sent, with its data left in {@link #data}. */
  private int option() {
    ByteBuf all = sent();
    if (all.readableBytes() >= 4 && all.getInt(0) <= 3) {
      all.skipBytes(4); // The client's flags.
    }
    assertEquals(Wire.OPTION_MAGIC, all.readLong());
    int option = all.readInt();
    data = all.readSlice(all.readInt());
    assertFalse(all.isReadable());
    return option;
  }

  private ByteBuf data = Unpooled.EMPTY_BUFFER;

  private Terms terms() {
    assertTrue(result.isDone());
    return result.join();
  }

  private void assertFails(Reason reason, String text) {
    assertTrue(result.isCompletedExceptionally(), "it did not fail");
    try {
      result.join();
    } catch (CompletionException e) {
      NbdConnectException failure = assertInstanceOf(NbdConnectException.class, e.getCause());
      assertTrue(failure.getMessage().contains(text), failure.getMessage());
      assertEquals(reason, failure.reason());
    }
  }

  private static ByteBuf export(long size, int flags) {
    return reply(Wire.OPT_GO, Wire.REP_INFO, 12)
        .writeShort(Wire.INFO_EXPORT)
        .writeLong(size)
        .writeShort(flags);
  }

  private void upToGo() {
    greet(3);
    option();
    receive(reply(Wire.OPT_EXTENDED_HEADERS, Wire.REP_ERR_UNSUP, 0));
    option();
    receive(reply(Wire.OPT_STRUCTURED_REPLY, Wire.REP_ERR_UNSUP, 0));
    assertEquals(Wire.OPT_GO, option());
  }

  @Test
  void asksForTheBestFirst() {
    start();
    greet(3);
    assertEquals(Wire.OPT_EXTENDED_HEADERS, option());
    receive(reply(Wire.OPT_EXTENDED_HEADERS, Wire.REP_ACK, 0));
    assertEquals(Wire.OPT_SET_META_CONTEXT, option());
    assertEquals(4, data.readInt());
    assertEquals("disk", data.readCharSequence(4, StandardCharsets.UTF_8));
    assertEquals(1, data.readInt());
    byte[] context = Extent.BASE_ALLOCATION.getBytes(StandardCharsets.UTF_8);
    receive(
        reply(Wire.OPT_SET_META_CONTEXT, Wire.REP_META_CONTEXT, 4 + context.length)
            .writeInt(5)
            .writeBytes(context));
    receive(reply(Wire.OPT_SET_META_CONTEXT, Wire.REP_ACK, 0));
    assertEquals(Wire.OPT_GO, option());
    receive(export(1 << 20, Wire.FLAG_HAS_FLAGS | Wire.FLAG_SEND_FLUSH));
    receive(
        reply(Wire.OPT_GO, Wire.REP_INFO, 14)
            .writeShort(Wire.INFO_BLOCK_SIZE)
            .writeInt(512)
            .writeInt(8192)
            .writeInt(1 << 26));
    receive(
        reply(Wire.OPT_GO, Wire.REP_INFO, 4)
            .writeShort(Wire.INFO_DESCRIPTION)
            .writeBytes("hi".getBytes(StandardCharsets.UTF_8)));
    receive(reply(Wire.OPT_GO, Wire.REP_ACK, 0));
    assertEquals(
        new Terms(
            1 << 20,
            Wire.FLAG_HAS_FLAGS | Wire.FLAG_SEND_FLUSH,
            512,
            8192,
            32 << 20,
            "hi",
            true,
            true,
            Map.of(5, Extent.BASE_ALLOCATION)),
        terms());
    assertNull(channel.pipeline().get(Negotiator.class), "it leaves the pipeline");
  }

  @Test
  void fallsBackToExportNameWhereTheServerHasNoGo() {
    start();
    upToGo();
    receive(reply(Wire.OPT_GO, Wire.REP_ERR_UNSUP, 0));
    assertEquals(Wire.OPT_EXPORT_NAME, option());
    assertEquals("disk", data.toString(StandardCharsets.UTF_8));
    receive(Unpooled.buffer().writeLong(4096).writeShort(Wire.FLAG_HAS_FLAGS));
    assertEquals(4096, terms().size());
    assertFalse(terms().structured());
  }

  @Test
  void aServerThatIsNotFixedIsAskedForTheNameAtOnceAndPadsItsAnswer() {
    start();
    greet(0);
    assertEquals(Wire.OPT_EXPORT_NAME, option());
    receive(Unpooled.buffer().writeLong(4096).writeShort(Wire.FLAG_HAS_FLAGS));
    assertFalse(result.isDone());
    receive(Unpooled.buffer().writeZero(Wire.EXPORT_NAME_PADDING));
    assertEquals(4096, terms().size());
  }

  @Test
  void anUnknownExportIsToldWithTheServersWords() {
    start();
    upToGo();
    receive(
        reply(Wire.OPT_GO, Wire.REP_ERR_UNKNOWN, 4)
            .writeBytes("gone".getBytes(StandardCharsets.UTF_8)));
    assertFails(
        Reason.UNKNOWN_EXPORT, "NBD server h:10809: it has no export 'disk' (error 6): gone");
  }

  @Test
  void aServerThatIsShuttingDownMayBeTriedAgain() {
    start();
    upToGo();
    receive(reply(Wire.OPT_GO, Wire.REP_ERR_SHUTDOWN, 0));
    assertFails(Reason.UNREACHABLE, "shutting down");
  }

  @Test
  void withoutTlsThereIsNoNegotiationWhereTlsIsWanted() {
    start("nbds://h/disk", NbdClientOptions.DEFAULTS);
    greet(3);
    assertEquals(Wire.OPT_STARTTLS, option());
    receive(reply(Wire.OPT_STARTTLS, Wire.REP_ERR_UNSUP, 0));
    assertFails(Reason.REFUSED, "it refuses TLS");
    assertEquals(0, sent().readableBytes());
  }

  @Test
  void bytesInClearBehindTheAgreementOnTlsAreAnAttack() {
    start("nbds://h/disk", NbdClientOptions.DEFAULTS);
    greet(3);
    option();
    // In one piece, as they would come.
    channel.writeInbound(
        reply(Wire.OPT_STARTTLS, Wire.REP_ACK, 0)
            .writeBytes(reply(Wire.OPT_EXTENDED_HEADERS, Wire.REP_ACK, 0)));
    assertFails(Reason.PROTOCOL, "20 bytes in clear where TLS begins");
  }

  @Test
  void anotherProtocolIsRecognisedAtItsFirstBytes() {
    start();
    receive(Unpooled.copiedBuffer("SSH-2.0-OpenSSH_9.2\r\n", StandardCharsets.US_ASCII));
    assertFails(Reason.PROTOCOL, "not an NBD server");
  }

  @Test
  void theOldStyleIsNotSpoken() {
    start();
    receive(
        Unpooled.buffer().writeLong(Wire.INIT_MAGIC).writeLong(Wire.OLDSTYLE_MAGIC).writeZero(8));
    assertFails(Reason.PROTOCOL, "old style");
  }

  @Test
  void aReplyToAnotherOptionEndsTheNegotiation() {
    start();
    greet(3);
    receive(reply(Wire.OPT_LIST, Wire.REP_ACK, 0));
    assertFails(Reason.PROTOCOL, "a reply to option 3, not to EXTENDED_HEADERS");
  }

  @Test
  void anOversizeReplyEndsTheNegotiationBeforeItIsRead() {
    start();
    greet(3);
    receive(reply(Wire.OPT_EXTENDED_HEADERS, Wire.REP_ERR_UNSUP, -1));
    assertFails(Reason.PROTOCOL, "too long a reply");
  }

  @Test
  void endlessRepliesEndTheNegotiation() {
    start();
    upToGo();
    for (int i = 0; i < 1000; i++) {
      channel.writeInbound(reply(Wire.OPT_GO, Wire.REP_INFO, 2).writeShort(99));
    }
    assertFails(Reason.PROTOCOL, "too long a reply");
  }

  @Test
  void aContextThatWasNotAskedForEndsTheNegotiation() {
    start();
    greet(3);
    receive(reply(Wire.OPT_EXTENDED_HEADERS, Wire.REP_ACK, 0));
    receive(
        reply(Wire.OPT_SET_META_CONTEXT, Wire.REP_META_CONTEXT, 7)
            .writeInt(1)
            .writeBytes("a:b".getBytes(StandardCharsets.UTF_8)));
    assertFails(Reason.PROTOCOL, "not asked for");
  }

  @Test
  void goWithoutASizeIsNoAnswer() {
    start();
    upToGo();
    receive(reply(Wire.OPT_GO, Wire.REP_ACK, 0));
    assertFails(Reason.PROTOCOL, "did not tell the size");
  }

  @Test
  void impossibleSizesAreRefused() {
    start();
    upToGo();
    receive(export(-1, Wire.FLAG_HAS_FLAGS));
    assertFails(Reason.PROTOCOL, "too large");
  }

  @Test
  void impossibleBlockSizesAreRefused() {
    start();
    upToGo();
    receive(
        reply(Wire.OPT_GO, Wire.REP_INFO, 14)
            .writeShort(Wire.INFO_BLOCK_SIZE)
            .writeInt(513)
            .writeInt(4096)
            .writeInt(1 << 20));
    assertFails(Reason.PROTOCOL, "minimum block 513");
  }

  @Test
  void aConnectionThatEndsInBetweenFails() {
    start();
    greet(3);
    channel.close();
    assertFails(Reason.UNREACHABLE, "closed the connection");
  }
}
