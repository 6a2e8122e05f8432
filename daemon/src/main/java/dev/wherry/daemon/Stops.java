package dev.wherry.daemon;

import java.util.ArrayDeque;
import java.util.Deque;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What has to be done to stop, in the opposite order to that in which things were started. Each
 * part of the daemon adds its step when it has begun, so a start that failed halfway is undone by
 * the same steps. One thread at a time.
 */
final class Stops {
  private static final Logger log = LoggerFactory.getLogger(Stops.class);

  /** A step of stopping; false if something was not done. May block. */
  @FunctionalInterface
  interface Step {
    boolean run() throws Exception;
  }

  /** A step that is done when it returns. */
  @FunctionalInterface
  interface Action {
    void run() throws Exception;
  }

  private final Deque<Step> steps = new ArrayDeque<>();

  /** Runs before all that were added so far. */
  void push(Step step) {
    steps.push(step);
  }

  /** As {@link #push}. */
  void pushAction(Action action) {
    push(
        () -> {
          action.run();
          return true;
        });
  }

  /**
   * Runs them all, whatever fails, and forgets them.
   *
   * @return true if all was done
   */
  boolean run() {
    boolean clean = true;
    while (!steps.isEmpty()) {
      try {
        clean &= steps.pop().run();
      } catch (Exception e) {
        clean = false;
        log.error("a step of stopping failed", e);
      }
    }
    return clean;
  }
}
