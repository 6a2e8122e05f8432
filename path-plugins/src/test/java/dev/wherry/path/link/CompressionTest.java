package dev.wherry.path.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.Arrays;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What does not shrink costs a sample, and ever fewer of these. */
class CompressionTest {
  private static final int MOST_SKIPPED = 64;
  private final byte[] random = new byte[Frame.PIECE];
  private final byte[] text = new byte[Frame.PIECE];

  /** It is looked at before and after a whole piece is compressed, and not for a sample. */
  private long looks;

  private final Compression compression = new Compression(true, false, () -> looks++);

  CompressionTest() {
    new Random(1).nextBytes(random);
    Arrays.fill(text, (byte) 'x');
  }

  private @Nullable ByteBuf pack(byte[] piece) {
    return compression.tryCompress(
        Unpooled.wrappedBuffer(piece), 0, piece.length, UnpooledByteBufAllocator.DEFAULT);
  }

  private boolean isPacked(byte[] piece) {
    ByteBuf packed = pack(piece);
    if (packed != null) {
      packed.release();
    }
    return packed != null;
  }

  @Test
  void whatShrinksIsCompressedAsAWhole() {
    ByteBuf packed = pack(text);
    assertNotNull(packed);
    assertTrue(packed.readableBytes() < text.length / 16);
    packed.release();
    assertEquals(2, looks);
  }

  @Test
  void ofWhatDoesNotShrinkTheFirstFourKibibytesAreTried() {
    assertNull(pack(random));
    assertEquals(0, looks);
    assertFalse(isPacked(text), "one is skipped");
    System.arraycopy(text, 0, random, 0, 4096);
    assertNull(pack(random), "a sample that promises too much");
    assertEquals(2, looks);
  }

  @Test
  void afterBadSamplesEverMorePiecesGoWithoutOneUpToABound() {
    int before = 0;
    for (int bad = 1; bad <= 10; bad++) {
      // One more bad sample, behind those that are skipped.
      for (int i = 0; i <= before; i++) {
        assertNull(pack(random));
      }
      before = Math.min(MOST_SKIPPED, before * 2 + 1);
    }
    int skipped = 0;
    while (!isPacked(text)) {
      skipped++;
    }
    assertEquals(MOST_SKIPPED, skipped);
    assertTrue(isPacked(text), "a good sample ends that");
  }
}
