package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against {@link BitSet}, over the borders of words and pages. */
class BlockSetTest {
  private static final int PAGE = 32_768;
  private static final int END = 3 * PAGE + 1000;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void holdsWhatABitSetHolds(long seed) {
    Random random = new Random(seed);
    BlockSet set = new BlockSet();
    BitSet model = new BitSet();
    for (int step = 0; step < 300; step++) {
      int from = border(random);
      int end = random.nextInt(4) == 0 ? border(random) : from + random.nextInt(200);
      if (from >= end) {
        continue;
      }
      if (random.nextInt(5) < 3) {
        set.add(from, end);
        model.set(from, end);
      } else {
        set.remove(from, end);
        model.clear(from, end);
      }
      int at = border(random);
      int limit = at + random.nextInt(2 * PAGE);
      assertEquals(model.get(at), set.contains(at));
      assertEquals(nextSet(model, at, limit), set.next(true, at, limit), "seed " + seed);
      assertEquals(Math.min(limit, model.nextClearBit(at)), set.next(false, at, limit));
    }
    assertEquals(runs(model, END), set.runs(END));
    assertEquals(runs(model, PAGE + 7), set.runs(PAGE + 7));
  }

  /** Near the borders of pages and words, most often. */
  private static int border(Random random) {
    int base = random.nextInt(4) * PAGE + random.nextInt(4) * 64;
    return Math.max(0, Math.min(END, base + random.nextInt(5) - 2));
  }

  private static long nextSet(BitSet model, int from, int limit) {
    int found = model.nextSetBit(from);
    return found < 0 ? limit : Math.min(limit, found);
  }

  private static List<Run> runs(BitSet model, int end) {
    List<Run> runs = new ArrayList<>();
    for (int b = model.nextSetBit(0); b >= 0 && b < end; ) {
      int to = Math.min(end, model.nextClearBit(b));
      runs.add(new Run(b, to));
      b = model.nextSetBit(to);
    }
    return runs;
  }

  @Test
  void aHoleInWhatWasFilledAsAWholeIsAHole() {
    BlockSet set = new BlockSet();
    set.add(0, 4L * PAGE);
    set.remove(PAGE + 5, PAGE + 6);
    assertTrue(set.contains(PAGE + 4));
    assertFalse(set.contains(PAGE + 5));
    assertEquals(List.of(new Run(0, PAGE + 5), new Run(PAGE + 6, 4L * PAGE)), set.runs(4L * PAGE));
  }

  @Test
  void nothingIsLeftAfterClear() {
    BlockSet set = new BlockSet();
    set.add(3, 1L << 30);
    set.clear();
    assertEquals(List.of(), set.runs(1L << 30));
    assertFalse(set.contains(3));
  }

  @Test
  void blocksBeyondTheFirstFourBillionAreToldApart() {
    long far = 1L << 32;
    BlockSet set = new BlockSet();
    set.add(far - 2, far + 3);
    set.remove(far, far + 1);
    assertEquals(List.of(new Run(far - 2, far), new Run(far + 1, far + 3)), set.runs(2 * far));
    assertFalse(set.contains(1));
    assertEquals(far - 2, set.next(true, 0, 2 * far));
    assertEquals(far + 3, set.next(false, far + 1, 2 * far));
    set.add(0, far);
    assertEquals(far, set.next(false, 0, 2 * far));
  }

  @Test
  void blocksScatteredOverTerabytesTakeFewBytes() {
    BlockSet set = new BlockSet();
    set.add(0, 1L << 30);
    Random random = new Random(1);
    int blocks = 100_000;
    for (int i = 0; i < blocks; i++) {
      long block = random.nextLong(1L << 30);
      set.remove(block, block + 1);
    }
    assertTrue(set.memory() < blocks * 16L, set.memory() + " bytes");
  }

  @Test
  void anEmptyRangeChangesNothing() {
    BlockSet set = new BlockSet();
    set.add(5, 5);
    set.remove(5, 5);
    assertEquals(List.of(), set.runs(100));
  }

  @Test
  void oneThatIsScatteredOverTooMuchIsGivenUp() {
    BlockSet set = new BlockSet(1 << 20);
    set.add(0, 1L << 30);
    assertFalse(set.overflowed(), "a run takes next to nothing");
    for (long b = 1L << 30; !set.overflowed(); b += 2) {
      assertTrue(b < 1L << 31, "it grows for ever");
      set.add(b, b + 1);
    }
    set.add(5, 6);
    assertEquals(List.of(), set.runs(1L << 31));
  }
}
