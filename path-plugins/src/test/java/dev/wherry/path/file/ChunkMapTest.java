package dev.wherry.path.file;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ChunkMapTest {
  private static final long MIB = 1 << 20;
  private static final long SIZE = 200 * MIB + 77;

  private final ChunkMap map = new ChunkMap(SIZE);

  @Test
  void nothingIsKnownAtFirst() {
    assertFalse(map.covers(0, 1));
    assertEquals(5 * MIB, map.firstUnknown(5 * MIB + 3, 10));
  }

  @Test
  void onlyChunksThatAreCoveredWhollyCount() {
    map.learn(MIB, 3 * MIB + 5, map.clears());
    assertTrue(map.covers(MIB, 2 * MIB));
    assertFalse(map.covers(MIB, 2 * MIB + 1));
    assertFalse(map.covers(MIB - 1, 2));
    assertEquals(3 * MIB, map.firstUnknown(2 * MIB, 2 * MIB));
  }

  @Test
  void theLastChunkEndsWithTheFile() {
    map.learn(0, SIZE, map.clears());
    assertTrue(map.covers(0, SIZE));
    assertEquals(-1, map.firstUnknown(0, SIZE));
  }

  @Test
  void aHoleClearsEveryChunkThatItTouches() {
    map.learn(0, SIZE, map.clears());
    map.forget(70 * MIB - 1, 2);
    assertTrue(map.covers(0, 69 * MIB));
    assertFalse(map.covers(69 * MIB, 1));
    assertFalse(map.covers(70 * MIB, 1));
    assertTrue(map.covers(71 * MIB, SIZE - 71 * MIB));
  }

  @Test
  void whatWasSeenBeforeAHoleWasMadeIsNotLearned() {
    long before = map.clears();
    map.forget(0, 1);
    map.learn(0, SIZE, before);
    assertFalse(map.covers(0, 1));
  }

  @Test
  void theLargestFileTakesLittleMemory() {
    ChunkMap huge = new ChunkMap(Long.MAX_VALUE);
    huge.learn(0, Long.MAX_VALUE, huge.clears());
    assertTrue(huge.covers(Long.MAX_VALUE - 4096, 4096));
    huge.forget(Long.MAX_VALUE - 4096, 4096);
    assertFalse(huge.covers(Long.MAX_VALUE - 4096, 4096));
    assertTrue(huge.covers(0, 1L << 62));
  }
}
