package dev.wherry.path.move;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The rate that a move keeps to while hosts are busy. */
class PacingTest {
  /** A piece is a fiftieth of a second long at most. */
  private static double rate(Pacing pacing) {
    return pacing.mostBytes() * 50.0;
  }

  @ParameterizedTest
  @CsvSource({
    "0, 20e6", // not measured yet
    "50e6, 20e6", // more than a fifth: the minimum is a promise
    "105e6, 21e6", // a fifth
    "1e9, 22e6", // hosts need the processors
  })
  void itIsTheMinimumOrAFifthOfThePath(double path, double expected) {
    Pacing pacing = new Pacing(Mover.Pace.DEFAULT, 0);
    pacing.update(true, path, 0);
    assertTrue(pacing.yields());
    assertEquals(expected, rate(pacing), 50);
  }

  @Test
  void aLimitBelowTheMinimumCounts() {
    Pacing pacing = new Pacing(new Mover.Pace(20_000_000, 5_000_000), 0);
    pacing.update(true, 1e9, 0);
    assertEquals(5e6, rate(pacing), 50);
  }

  @Test
  void whereNobodyIsBusyNothingIsHeldBack() {
    Pacing pacing = new Pacing(Mover.Pace.DEFAULT, 0);
    pacing.update(false, 1e9, 0);
    assertFalse(pacing.yields());
    pacing.sent(1 << 30, 0);
    assertEquals(0, pacing.delay(0));
  }
}
