package dev.wherry.path.map;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Random requests and crashes against what may be read after them. */
class JournaledMapCrashTest {
  private static final int SEEDS = Integer.getInteger("map.seeds", 400);
  private static final long FIRST = Long.getLong("map.seed", 1);

  @Test
  void noCrashTakesWhatWasPromisedOrLeavesAClaimThatIsNotTrue() throws Exception {
    int crashes = 0;
    int commits = 0;
    for (long seed = FIRST; seed < FIRST + SEEDS; seed++) {
      MapWorld world = new MapWorld(seed);
      int step = 0;
      try {
        for (; step < 400; step++) {
          world.step();
        }
      } catch (Throwable e) {
        throw new AssertionError("seed " + seed + ", step " + step + ": " + e.getMessage(), e);
      }
      crashes += world.crashes;
      commits += world.commits;
    }
    assertTrue(crashes > SEEDS && commits > SEEDS, crashes + " crashes, " + commits + " commits");
  }
}
