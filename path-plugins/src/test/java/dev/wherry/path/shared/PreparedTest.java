package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The notes of an owner for a taker that has prepared have bounds: beyond them it asks again. */
class PreparedTest {
  private static final long BLOCKS = 1L << 40;
  private static final int MOST_RUNS = 262_144;

  /** One bitmap of the set has so many blocks, and takes 8 KiB at most. */
  private static final int PART = 65_536;

  @TempDir Path directory;
  private final Marks marks = new Marks();
  private StoreFixture fixture;

  @BeforeEach
  void open() throws IOException {
    fixture = new StoreFixture(directory, "move");
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private HandoverAnswer answer(Prepared p) {
    return p.answer(ShareState.alone("a"), BLOCKS, marks);
  }

  /** It is noted for a taker that was sent nothing ahead, so nothing need be watched. */
  private Prepared begin() {
    return Prepared.begin("b", 1, 0, false, fixture.store, marks);
  }

  private static void scatter(BlockSet set, int blocks) {
    for (long b = 0; b < blocks; b++) {
      set.add(2 * b, 2 * b + 1);
    }
  }

  @Test
  void whatIsNotedIsTold() {
    Prepared p = begin();
    scatter(p.changed(), MOST_RUNS);
    HandoverAnswer all = answer(p);
    assertTrue(all.complete());
    assertEquals(MOST_RUNS, all.runs().size());
  }

  @Test
  void moreRunsThanAnAnswerHasAreAskedForAgain() {
    Prepared p = begin();
    scatter(p.changed(), MOST_RUNS + 1);
    assertFalse(answer(p).complete());
  }

  @Test
  void notesThatTakeTooMuchMemoryAreGivenUp() {
    Prepared p = begin();
    for (long part = 0; !p.changed().overflowed() && part * 8192 <= 2 * (16 << 20); part++) {
      for (long b = 0; b < PART / 16; b++) {
        p.changed().add(part * PART + 16 * b, part * PART + 16 * b + 1);
      }
    }
    assertTrue(p.changed().overflowed(), () -> "after " + p.changed().memory() + " bytes");
    assertEquals(0, p.changed().memory());
    assertFalse(answer(p).complete());
  }
}
