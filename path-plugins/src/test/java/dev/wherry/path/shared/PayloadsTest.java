package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.wherry.nbd.Extent;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class PayloadsTest {
  /** No part of a payload is taken for the whole. */
  private static void refusedWhereverItIsCut(ByteBuf whole, Consumer<ByteBuf> reader) {
    for (int length = 0; length < whole.readableBytes(); length++) {
      ByteBuf part = whole.slice(0, length);
      assertThrows(IllegalArgumentException.class, () -> reader.accept(part), "at " + length);
    }
  }

  @Test
  void extentsAreReadAsWritten() {
    List<Extent> extents = List.of(new Extent(4096, 3), new Extent(1L << 45, 0));
    ByteBuf out = Payloads.extents(extents);
    refusedWhereverItIsCut(out, Payloads::readExtents);
    assertEquals(extents, Payloads.readExtents(out));
    out.release();
  }

  @Test
  void noExtentsAndTooManyAreRefused() {
    for (int count : new int[] {0, -1, 65_537, Integer.MAX_VALUE}) {
      ByteBuf in = Unpooled.buffer().writeInt(count).writeZero(64);
      assertThrows(IllegalArgumentException.class, () -> Payloads.readExtents(in));
    }
  }

  @Test
  void textsAreReadAsWritten() {
    List<String> texts = List.of("", "a", "Übersee", "node-3");
    ByteBuf out = Unpooled.buffer();
    Payloads.writeTexts(texts, out);
    refusedWhereverItIsCut(out, Payloads::readTexts);
    assertEquals(texts, Payloads.readTexts(out));
    assertEquals(0, out.readableBytes());
  }

  @Test
  void aTextLongerThanThePayloadIsRefused() {
    for (int length : new int[] {-1, 4, Integer.MAX_VALUE}) {
      ByteBuf in = Unpooled.buffer().writeInt(length).writeZero(3);
      assertThrows(IllegalArgumentException.class, () -> Payloads.readText(in));
    }
  }

  @Test
  void aListOfMoreTextsThanThereAreNodesIsRefused() {
    ByteBuf in = Unpooled.buffer().writeInt(1001).writeZero(4 * 1001);
    assertThrows(IllegalArgumentException.class, () -> Payloads.readTexts(in));
  }

  @Test
  void lossesAreReadAsWrittenAndAreWhatIsKnownWhereNothingIs() {
    ByteBuf out = Payloads.losses(65_537);
    for (int length = 1; length < 8; length++) {
      ByteBuf part = out.slice(0, length);
      assertThrows(IllegalArgumentException.class, () -> Payloads.readLosses(part, 0));
    }
    assertEquals(65_537, Payloads.readLosses(out, 0));
    out.release();
    assertEquals(7, Payloads.readLosses(Unpooled.EMPTY_BUFFER, 7));
    ByteBuf negative = Unpooled.buffer().writeLong(-1);
    assertThrows(IllegalArgumentException.class, () -> Payloads.readLosses(negative, 0));
  }

  @Test
  void theAnswerToAHandOverIsReadAsWrittenAlsoFromAnOwnerThatDoesNotCount() {
    HandoverAnswer answer =
        new HandoverAnswer(true, true, List.of("a", "b"), List.of(new Run(1, 3)), List.of(), 7);
    ByteBuf out = answer.write();
    ByteBuf old = out.slice(0, out.readableBytes() - 8);
    assertEquals(
        new HandoverAnswer(true, true, List.of("a", "b"), List.of(new Run(1, 3)), List.of(), 0),
        HandoverAnswer.read(old, 10));
    assertEquals(answer, HandoverAnswer.read(out, 10));
    out.release();
  }
}
