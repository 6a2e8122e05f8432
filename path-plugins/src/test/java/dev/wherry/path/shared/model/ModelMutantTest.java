package dev.wherry.path.shared.model;

import static org.junit.jupiter.api.Assertions.fail;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The model finds bugs: each of these within so many schedules. */
class ModelMutantTest {
  private static final int SCHEDULES = 600;

  @ParameterizedTest
  @EnumSource(Mutant.class)
  void aBugIsFoundWithinSixHundredSchedules(Mutant mutant) {
    for (long seed = 1; seed <= SCHEDULES; seed++) {
      if (isFound(seed, mutant)) {
        return;
      }
    }
    fail(mutant + " was not found within " + SCHEDULES + " schedules");
  }

  private static boolean isFound(long seed, Mutant mutant) {
    try {
      new Schedule(seed, mutant.engine(), true).run();
      return false;
    } catch (AssertionError e) {
      return true;
    }
  }
}
