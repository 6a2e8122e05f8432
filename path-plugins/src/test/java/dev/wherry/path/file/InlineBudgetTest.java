package dev.wherry.path.file;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class InlineBudgetTest {
  private long now = 5;
  private final InlineBudget budget = new InlineBudget(() -> now);

  private void spend(long nanos) {
    long start = budget.now();
    now += nanos;
    budget.spentSince(start);
  }

  @Test
  void quickWritesAreAlwaysAllowed() {
    for (int i = 0; i < 100; i++) {
      assertTrue(budget.allows());
      spend(InlineBudget.LIMIT_NANOS);
    }
  }

  @Test
  void aSlowWriteTurnsThemOffForAWhile() {
    spend(InlineBudget.LIMIT_NANOS + 1);
    assertFalse(budget.allows());
    now += InlineBudget.FIRST_PAUSE_NANOS - 1;
    assertFalse(budget.allows());
    now += 1;
    assertTrue(budget.allows());
  }

  @Test
  void oneWriteGoesFirstAfterThePause() {
    spend(InlineBudget.LIMIT_NANOS + 1);
    now += InlineBudget.FIRST_PAUSE_NANOS;
    assertTrue(budget.allows());
    assertFalse(budget.allows(), "a second one waits for what the first shows");
    spend(10);
    assertTrue(budget.allows());
  }

  @Test
  void eachSlowWriteDoublesThePauseUpToALimit() {
    long pause = InlineBudget.FIRST_PAUSE_NANOS;
    for (int i = 0; i < 20; i++) {
      spend(InlineBudget.LIMIT_NANOS + 1);
      now += pause - 1;
      assertFalse(budget.allows(), "pause " + i);
      now += 1;
      assertTrue(budget.allows(), "pause " + i);
      pause = Math.min(InlineBudget.LONGEST_PAUSE_NANOS, pause * 2);
    }
  }
}
