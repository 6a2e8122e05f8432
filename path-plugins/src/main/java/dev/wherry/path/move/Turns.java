package dev.wherry.path.move;

import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * Runs one thing, never twice at once, after each call at least once more. A thread that calls runs
 * it itself unless another one is at it, which then goes on; so nobody waits, and what a turn
 * writes the next one sees.
 */
final class Turns {
  /** So many in a row before the thread's other work gets its turn. */
  private static final int MOST = 64;

  private final Runnable turn;
  private final Executor elsewhere;
  private final Consumer<RuntimeException> failed;
  private final AtomicInteger calls = new AtomicInteger();

  /**
   * @param elsewhere goes on where a thread would be kept too long
   * @param failed told of what a turn throws, as a part of it
   */
  Turns(Runnable turn, Executor elsewhere, Consumer<RuntimeException> failed) {
    this.turn = turn;
    this.elsewhere = elsewhere;
    this.failed = failed;
  }

  /** Any thread, also from within a turn. */
  void call() {
    if (calls.getAndIncrement() == 0) {
      run();
    }
  }

  private void run() {
    int seen = calls.get();
    for (int n = 1; seen != 0; n++) {
      if (n % MOST == 0 && handedOver()) {
        return;
      }
      try {
        turn.run();
      } catch (RuntimeException e) {
        failed.accept(e);
      }
      seen = calls.addAndGet(-seen);
    }
  }

  private boolean handedOver() {
    try {
      elsewhere.execute(this::run);
      return true;
    } catch (RejectedExecutionException e) {
      return false; // nobody else is there to do it
    }
  }
}
