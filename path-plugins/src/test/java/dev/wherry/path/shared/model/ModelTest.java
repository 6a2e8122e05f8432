package dev.wherry.path.shared.model;

import org.junit.jupiter.api.Test;

/**
 * Runs schedules: {@code -Dmodel.seeds=N} many (500), from {@code -Dmodel.first=S} (1) on, or one
 * alone with {@code -Dmodel.seed=S}. With {@code -Dmodel.lines=N} (60) a failure shows so many
 * lines of its history, with {@code -Dmodel.cell=C} those about another cell (-1: about all); with
 * {@code -Dmodel.harsh=true} accidents happen at every turn.
 */
class ModelTest {
  private static final boolean HARSH = Boolean.getBoolean("model.harsh");

  @Test
  void whatHostsSeeOnAllNodesIsOneDisk() {
    Seeds.run(500, seed -> new Schedule(seed, new RealEngine(), HARSH).run());
  }

  @Test
  void aVolumeThatOnlyForwardsIsInnocent() {
    Seeds.run(50, seed -> new Schedule(seed, new StandIn()).run());
  }
}
