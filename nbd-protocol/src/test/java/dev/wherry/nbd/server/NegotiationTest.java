package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.server.ReplyReader.OptionReply;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
class NegotiationTest {
  private static final int SIZE = 1 << 20;

  @Parameter Feed feed;
  private TestServer server;
  private TestPeer peer;

  @BeforeEach
  void serve() {
    server = new TestServer().feed(feed);
    server.serve("disk", new MemoryExport(SIZE));
    server.serve(
        "other",
        new MemoryExport(
            ExportInfo.of(SIZE).withDescription("not the disk").withBlocks(512, 8192), true));
    peer = server.connect();
  }

  @AfterEach
  void nothingIsLeft() {
    server.close();
  }

  @Test
  void theServerGreetsWithFixedNewstyleAndNoZeroes() {
    assertEquals(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES, peer.received().greeting());
  }

  @Test
  void unknownClientFlagsEndTheConnection() {
    peer.send(s -> s.clientFlags(1 << 5));
    assertFalse(peer.open());
  }

  @Test
  void aClientThatIsNotFixedNewstyleMayStillNameAnExport() {
    peer.received();
    peer.send(s -> s.clientFlags(0).option(OPT_EXPORT_NAME, Script.utf8("disk")));
    assertEquals(10 + EXPORT_NAME_PADDING, peer.received().remaining());
    assertTrue(peer.open());
  }

  @Test
  void exportNameIsAnsweredWithSizeFlagsAndZeroes() {
    peer.received();
    peer.send(
        s -> s.clientFlags(FLAG_C_FIXED_NEWSTYLE).option(OPT_EXPORT_NAME, Script.utf8("disk")));
    ByteBuffer answer = ByteBuffer.wrap(peer.received().take(10 + EXPORT_NAME_PADDING));
    assertEquals(SIZE, answer.getLong());
    assertTrue((answer.getShort() & FLAG_HAS_FLAGS) != 0);
    while (answer.hasRemaining()) {
      assertEquals(0, answer.get());
    }
  }

  @Test
  void exportNameOmitsTheZeroesWhereBothSidesAgreed() {
    peer.greet().send(s -> s.option(OPT_EXPORT_NAME, Script.utf8("disk")).read(7, 0, 4));
    ReplyReader in = peer.received().expectRead(7, 0, 4);
    in.take(10);
    assertArrayEquals(new byte[4], in.reply().bytes());
    assertFalse(in.hasMore());
  }

  @Test
  void exportNameOfAnUnknownExportEndsTheConnection() {
    peer.greet().send(s -> s.option(OPT_EXPORT_NAME, Script.utf8("nothing")));
    assertFalse(peer.open());
  }

  @Test
  void exportNameThatIsTooLongEndsTheConnection() {
    peer.greet().send(s -> s.option(OPT_EXPORT_NAME, new byte[MAX_STRING + 1]));
    assertFalse(peer.open());
  }

  @Test
  void aBadOptionMagicEndsTheConnection() {
    peer.greet().send(s -> s.optionHeader(OPTION_MAGIC + 1, OPT_LIST, 0));
    assertFalse(peer.open());
  }

  @Test
  void anUnknownOptionIsUnsupportedAndTheStreamKept() {
    assertEquals(REP_ERR_UNSUP, peer.greet().askOne(s -> s.option(77, new byte[33])).type());
    assertEquals(REP_ERR_UNSUP, peer.askOne(s -> s.option(OPT_PEEK_EXPORT)).type());
    assertEquals(REP_ACK, peer.askOne(Script::structured).type());
  }

  @Test
  void anOptionThatIsTooLongIsTooBigAndTheStreamKept() {
    peer.greet();
    for (int option : new int[] {OPT_GO, OPT_LIST, OPT_SET_META_CONTEXT, 99}) {
      List<OptionReply> replies = peer.ask(s -> s.option(option, new byte[100_000]).structured());
      assertEquals(option, replies.get(0).option());
      assertEquals(REP_ERR_TOO_BIG, replies.get(0).type());
      assertEquals(REP_ACK, replies.get(1).type());
    }
  }

  @Test
  void anOptionThatWouldTakeForeverToDrainEndsTheConnection() {
    peer.greet().send(s -> s.optionHeader(OPTION_MAGIC, OPT_LIST, -1));
    assertFalse(peer.open());
  }

  @Test
  void abortIsAcknowledgedAndEndsTheConnection() {
    peer.greet().send(s -> s.option(OPT_ABORT).structured());
    List<OptionReply> replies = peer.received().options();
    assertEquals(1, replies.size());
    assertEquals(REP_ACK, replies.get(0).type());
    assertFalse(peer.open());
  }

  @Test
  void listNamesEveryExportWithItsDescription() {
    List<OptionReply> replies = peer.greet().ask(s -> s.option(OPT_LIST));
    assertEquals(3, replies.size());
    assertEquals(REP_SERVER, replies.get(0).type());
    ByteBuffer first = ByteBuffer.wrap(replies.get(0).data());
    assertEquals(4, first.getInt());
    assertTrue(replies.get(0).text().endsWith("diskthe export disk"));
    assertEquals(REP_SERVER, replies.get(1).type());
    assertEquals(REP_ACK, replies.get(2).type());
  }

  @Test
  void listWithDataIsInvalid() {
    assertEquals(REP_ERR_INVALID, peer.greet().askOne(s -> s.option(OPT_LIST, (byte) 1)).type());
    assertEquals(REP_ACK, peer.askOne(s -> s.option(OPT_LIST)).type());
  }

  @Test
  void infoTellsSizeFlagsAndBlockSizesAndLeavesTheStreamInNegotiation() {
    List<OptionReply> replies = peer.greet().ask(s -> s.info("other"));
    ByteBuffer export = info(replies, INFO_EXPORT);
    assertEquals(SIZE, export.getLong());
    int flags = export.getShort();
    assertTrue((flags & FLAG_SEND_FLUSH) != 0 && (flags & FLAG_CAN_MULTI_CONN) != 0);
    assertEquals(0, flags & FLAG_SEND_DF);
    ByteBuffer blocks = info(replies, INFO_BLOCK_SIZE);
    assertEquals(512, blocks.getInt());
    assertEquals(8192, blocks.getInt());
    assertEquals(MAX_PAYLOAD, blocks.getInt());
    assertEquals(REP_ACK, replies.get(replies.size() - 1).type());
    assertEquals(0, server.directory.open.get());
    assertEquals(REP_ACK, peer.askOne(Script::structured).type());
  }

  @Test
  void infoGivesNameAndDescriptionToWhoAsksForThem() {
    List<OptionReply> replies =
        peer.greet().ask(s -> s.info("other", INFO_NAME, INFO_DESCRIPTION, 4711));
    assertEquals("other", text(info(replies, INFO_NAME)));
    assertEquals("not the disk", text(info(replies, INFO_DESCRIPTION)));
  }

  @Test
  void infoOfAnUnknownExportIsUnknown() {
    assertEquals(REP_ERR_UNKNOWN, peer.greet().askOne(s -> s.info("nothing")).type());
    assertEquals(REP_ERR_UNKNOWN, peer.askOne(s -> s.go("nothing")).type());
    assertEquals(REP_ERR_UNKNOWN, peer.askOne(s -> s.go("")).type());
    assertTrue(peer.open());
  }

  @Test
  void theEmptyNameIsTheOnlyExportThereIs() {
    server.directory.exports.remove("other");
    List<OptionReply> replies = peer.greet().ask(s -> s.info("", INFO_NAME));
    assertEquals("disk", text(info(replies, INFO_NAME)));
  }

  @Test
  void malformedRequestsForAnExportAreInvalidAndTheStreamKept() {
    peer.greet();
    for (int option : new int[] {OPT_INFO, OPT_GO}) {
      byte[] good = Script.exportRequest("disk", INFO_NAME);
      assertInvalid(s -> s.option(option));
      assertInvalid(s -> s.option(option, new byte[3]));
      assertInvalid(s -> s.option(option, java.util.Arrays.copyOf(good, good.length - 1)));
      assertInvalid(s -> s.option(option, java.util.Arrays.copyOf(good, good.length + 1)));
      byte[] longName = good.clone();
      longName[0] = 0x7f;
      assertInvalid(s -> s.option(option, longName));
      byte[] negative = good.clone();
      negative[0] = -1;
      assertInvalid(s -> s.option(option, negative));
    }
    assertEquals(0, server.directory.open.get());
  }

  @Test
  void goStartsTransmissionAtOnce() {
    peer.greet().send(s -> s.go("disk").write(1, 0, (byte) 5).read(2, 0, 1));
    ReplyReader in = peer.received().expectRead(2, 0, 1);
    while (in.option().type() != REP_ACK) {
      assertTrue(in.hasMore());
    }
    assertEquals(0, in.reply().error());
    assertArrayEquals(new byte[] {5}, in.reply().bytes());
  }

  @Test
  void structuredRepliesBringDontFragment() {
    peer.greet();
    List<OptionReply> replies = peer.ask(s -> s.structured().info("disk"));
    ByteBuffer export = info(replies, INFO_EXPORT);
    assertTrue((export.getShort(8) & FLAG_SEND_DF) != 0);
    assertEquals(0, export.getShort(8) & FLAG_BLOCK_STATUS_PAYLOAD);
  }

  @Test
  void structuredReplyWithDataIsInvalid() {
    peer.greet();
    assertInvalid(s -> s.option(OPT_STRUCTURED_REPLY, (byte) 0));
    assertInvalid(s -> s.option(OPT_EXTENDED_HEADERS, (byte) 0));
  }

  @Test
  void structuredReplyBehindExtendedHeadersIsRefused() {
    peer.greet();
    assertEquals(REP_ACK, peer.askOne(Script::structured).type());
    assertEquals(REP_ACK, peer.askOne(Script::extended).type());
    assertEquals(REP_ERR_EXT_HEADER_REQD, peer.askOne(Script::structured).type());
  }

  @Test
  void extendedHeadersImplyStructuredReplies() {
    peer.greet();
    List<OptionReply> replies =
        peer.ask(s -> s.extended().setContexts("disk", "base:allocation").info("disk"));
    assertEquals(REP_META_CONTEXT, replies.get(1).type());
    int flags = info(replies, INFO_EXPORT).getShort(8);
    assertTrue((flags & FLAG_SEND_DF) != 0);
    assertTrue((flags & FLAG_BLOCK_STATUS_PAYLOAD) != 0);
  }

  @Test
  void contextsWantStructuredReplies() {
    peer.greet();
    assertInvalid(s -> s.setContexts("disk", "base:allocation"));
    assertInvalid(s -> s.listContexts("disk"));
  }

  @Test
  void listOfContextsKnowsWildcards() {
    peer.greet().ask(Script::structured);
    for (String query : new String[] {"base:", "base:allocation"}) {
      List<OptionReply> replies = peer.ask(s -> s.listContexts("disk", query));
      assertEquals(2, replies.size(), query);
      assertTrue(replies.get(0).text().endsWith("base:allocation"));
    }
    assertEquals(2, peer.ask(s -> s.listContexts("disk")).size());
    assertEquals(1, peer.ask(s -> s.listContexts("disk", "x-other:")).size());
    assertEquals(1, peer.ask(s -> s.listContexts("disk", "base:al")).size());
  }

  @Test
  void contextsOfAnUnknownExportAreUnknown() {
    peer.greet().ask(Script::structured);
    assertEquals(REP_ERR_UNKNOWN, peer.askOne(s -> s.setContexts("no", "base:allocation")).type());
    assertEquals(REP_ERR_UNKNOWN, peer.askOne(s -> s.listContexts("no")).type());
  }

  @Test
  void malformedContextQueriesAreInvalid() {
    peer.greet().ask(Script::structured);
    byte[] good = Script.contextQuery("disk", "base:allocation");
    for (int option : new int[] {OPT_SET_META_CONTEXT, OPT_LIST_META_CONTEXT}) {
      assertInvalid(s -> s.option(option));
      assertInvalid(s -> s.option(option, java.util.Arrays.copyOf(good, good.length - 1)));
      assertInvalid(s -> s.option(option, java.util.Arrays.copyOf(good, good.length + 1)));
      byte[] many = good.clone();
      many[8] = -1;
      assertInvalid(s -> s.option(option, many));
    }
  }

  @Test
  void theServerKeepsTheContextsOfTheLastSetAlone() {
    peer.greet().ask(s -> s.structured().setContexts("disk", "base:allocation"));
    assertEquals(1, peer.ask(s -> s.setContexts("disk", "unknown:context")).size());
    peer.send(s -> s.go("disk"));
    peer.received();
    assertEquals(22, peer.request(s -> s.request(CMD_BLOCK_STATUS, 0, 1, 0, 512)).error());
  }

  @Test
  void aSetThatFailsForgetsTheContextsSetBefore() {
    peer.greet().ask(s -> s.structured().setContexts("disk", "base:allocation"));
    assertInvalid(s -> s.option(OPT_SET_META_CONTEXT, (byte) 1));
    peer.send(s -> s.go("disk"));
    peer.received();
    assertEquals(22, peer.request(s -> s.request(CMD_BLOCK_STATUS, 0, 1, 0, 512)).error());
  }

  @Test
  void contextsThatWereSetForAnotherExportDoNotHold() {
    peer.greet().ask(s -> s.structured().setContexts("other", "base:allocation").go("disk"));
    assertEquals(22, peer.request(s -> s.request(CMD_BLOCK_STATUS, 0, 1, 0, 512)).error());
  }

  @Test
  void aNegotiationThatDoesNotEndIsEnded() {
    peer.greet().send(s -> s.raw(new byte[] {0x49}));
    peer.advance(9_999);
    assertTrue(peer.open());
    peer.advance(1);
    assertFalse(peer.open());
  }

  @Test
  void transmissionHasNoDeadline() {
    peer.attach(TestPeer.Mode.SIMPLE, "disk");
    peer.advance(1_000_000);
    assertTrue(peer.open());
  }

  @Test
  void aClientThatNegotiatesWithoutEndIsEnded() {
    peer.greet();
    for (int i = 0; i < 1025 && peer.open(); i++) {
      peer.send(s -> s.option(99));
    }
    assertFalse(peer.open());
  }

  private void assertInvalid(UnaryOperator<Script> script) {
    assertEquals(REP_ERR_INVALID, peer.askOne(script).type());
    assertEquals(REP_ERR_UNSUP, peer.askOne(s -> s.option(99)).type());
  }

  private static ByteBuffer info(List<OptionReply> replies, int type) {
    for (OptionReply r : replies) {
      if (r.type() == REP_INFO && ByteBuffer.wrap(r.data()).getShort() == type) {
        return ByteBuffer.wrap(r.data(), 2, r.data().length - 2).slice();
      }
    }
    throw new AssertionError("no information of type " + type);
  }

  private static String text(ByteBuffer b) {
    return java.nio.charset.StandardCharsets.UTF_8.decode(b).toString();
  }
}
