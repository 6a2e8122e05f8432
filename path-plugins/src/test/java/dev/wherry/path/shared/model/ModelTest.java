package dev.wherry.path.shared.model;

import org.junit.jupiter.api.Test;

/**
 * Runs schedules: {@code -Dmodel.seeds=N} many (500), from {@code -Dmodel.first=S} (1) on, or one
 * alone with {@code -Dmodel.seed=S}.
 */
class ModelTest {
  @Test
  void theStandInIsInnocent() {
    Seeds.run(s -> new Schedule(s, new StandIn()).run());
  }
}
