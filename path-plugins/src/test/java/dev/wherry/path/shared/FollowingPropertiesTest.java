package dev.wherry.path.shared;

import java.io.IOException;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whatever dies and whenever: the source is as of one moment, it has what was promised, and blocks
 * that are said to be the same are.
 */
class FollowingPropertiesTest {
  static LongStream seeds() {
    return LongStream.range(0, Long.getLong("wherry.seeds", 3));
  }

  private static void run(long seed, boolean through, boolean stall) throws IOException {
    FollowingWorld world = new FollowingWorld(seed, through, stall);
    for (int life = 0; life < 3; life++) {
      for (int i = 200 + world.random.nextInt(400); i > 0; i--) {
        world.act();
      }
      if (world.random.nextInt(3) == 0) {
        world.settle();
      }
      world.crash();
    }
    world.settle();
    world.end();
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void underBackTheSourceIsAsOfOneFlush(long seed) throws IOException {
    run(seed, false, false);
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void underThroughTheSourceHasWhatWasAnsweredUntilItWasLost(long seed) throws IOException {
    run(seed, true, false);
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void underThroughThatStallsNothingIsAnsweredThatTheSourceLacks(long seed) throws IOException {
    run(seed, true, true);
  }
}
