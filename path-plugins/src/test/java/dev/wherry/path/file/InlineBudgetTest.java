package dev.wherry.path.file;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class InlineBudgetTest {
  private long now = 5;
  private long waits;
  private final InlineBudget budget = new InlineBudget(() -> now, () -> waits);

  private void write(long nanos, boolean waited) {
    long before = budget.waitsBefore();
    long start = budget.now();
    now += nanos;
    waits += waited ? 1 : 0;
    budget.spent(start, before);
  }

  private void slow() {
    write(InlineBudget.LIMIT_NANOS + 1, true);
  }

  private void quick() {
    write(InlineBudget.LIMIT_NANOS, false);
  }

  @Test
  void quickWritesAreAlwaysAllowed() {
    for (int i = 0; i < 100; i++) {
      assertTrue(budget.allows());
      quick();
    }
  }

  @Test
  void aThreadThatIsPreemptedDoesNotCount() {
    for (int i = 0; i < 100; i++) {
      assertTrue(budget.allows());
      write(InlineBudget.LIMIT_NANOS * 10, false);
    }
  }

  @Test
  void theSecondWriteThatWaitsTurnsThemOffForAWhile() {
    slow();
    assertTrue(budget.allows(), "it may have been preempted");
    slow();
    assertFalse(budget.allows());
    now += InlineBudget.FIRST_PAUSE_NANOS - 1;
    assertFalse(budget.allows());
    now += 1;
    assertTrue(budget.allows());
  }

  @Test
  void oneWriteGoesFirstAfterThePause() {
    slow();
    slow();
    now += InlineBudget.FIRST_PAUSE_NANOS;
    assertTrue(budget.allows());
    assertFalse(budget.allows(), "a second one waits for what the first shows");
    quick();
    assertTrue(budget.allows());
  }

  @Test
  void eachSlowWriteDoublesThePauseUpToALimit() {
    slow();
    long pause = InlineBudget.FIRST_PAUSE_NANOS;
    for (int i = 0; i < 20; i++) {
      slow();
      now += pause - 1;
      assertFalse(budget.allows(), "pause " + i);
      now += 1;
      assertTrue(budget.allows(), "pause " + i);
      pause = Math.min(InlineBudget.LONGEST_PAUSE_NANOS, pause * 2);
    }
  }

  @Test
  void manyQuickWritesForgetThePause() {
    slow();
    slow();
    slow();
    for (int i = 0; i < InlineBudget.SUSPICIOUS; i++) {
      quick();
    }
    slow();
    slow();
    now += InlineBudget.FIRST_PAUSE_NANOS;
    assertTrue(budget.allows());
  }
}
