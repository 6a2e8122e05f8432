package dev.wherry.path.shared.model;

import java.util.function.LongConsumer;

/** Which schedules a test runs, as its properties say. */
final class Seeds {
  private static final int MOST_SHOWN = 5;

  private Seeds() {}

  /**
   * Runs them.
   *
   * @param count how many, unless a property says so
   */
  static void run(int count, LongConsumer schedule) {
    Long one = Long.getLong("model.seed");
    if (one != null) {
      schedule.accept(one);
      return;
    }
    long first = Long.getLong("model.first", 1);
    int wanted = Integer.getInteger("model.seeds", count);
    int failed = 0;
    AssertionError shown = null;
    for (long seed = first; seed < first + wanted; seed++) {
      try {
        schedule.accept(seed);
      } catch (AssertionError e) {
        failed++;
        if (shown == null) {
          shown = e;
        } else if (failed <= MOST_SHOWN) {
          shown.addSuppressed(e);
        }
      }
    }
    if (shown != null) {
      throw new AssertionError(
          failed + " of " + wanted + " schedules failed; " + shown.getMessage(), shown);
    }
  }
}
