package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** What the owner remembers of what it sent ahead. */
class MarksTest {
  private static final long BLOCKS = 1L << 27;
  private static final int PART = 65_536;
  private final Marks marks = new Marks();

  private List<Run> valid(String node) {
    return marks.valid(node, 1, 0, BLOCKS, 1);
  }

  @Test
  void whatWasChangedSinceIsNotValidAndIsTold() {
    marks.mark("b", 1, 0, 10);
    marks.changed(3, 5);
    assertEquals(List.of(new Run(0, 3), new Run(5, 10)), marks.valid("b", 1, 0, BLOCKS, 9));
    assertEquals(List.of(new Run(3, 5)), marks.lost("b", 1, BLOCKS));
    assertEquals(List.of(), marks.lost("b", 1, BLOCKS));
  }

  @Test
  void aStandbyOfWhichTooMuchIsScatteredBeginsAnewAndNoOtherDoes() {
    marks.mark("b", 1, 0, BLOCKS);
    marks.mark("c", 1, 0, 10);
    for (long part = 0; !valid("b").isEmpty() && part < 2048; part++) {
      for (long b = 0; b < PART / 16; b++) {
        marks.changed(part * PART + 16 * b, part * PART + 16 * b + 1);
      }
    }
    assertTrue(valid("b").isEmpty(), "what was sent in it counts no more");
    assertEquals(List.of(new Run(1, 10)), valid("c"));
  }
}
