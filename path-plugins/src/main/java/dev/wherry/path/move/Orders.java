package dev.wherry.path.move;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * What callers want of a move, and what they were promised: they start it, again and again, and
 * stop it once; it is done when it has done all that it was started for before.
 *
 * <p>Safe on any thread; never blocks. {@link #taken} and {@link #fulfil} are for the one that
 * moves.
 */
final class Orders {
  private final Object lock = new Object();
  private long starts;
  private long taken;
  private CompletableFuture<Void> finished = new CompletableFuture<>();
  private volatile boolean done;
  private volatile boolean stopping;

  void start() {
    synchronized (lock) {
      starts++;
      if (done && !stopping) {
        done = false;
        finished = new CompletableFuture<>();
      }
    }
  }

  void stop() {
    synchronized (lock) {
      stopping = true;
    }
  }

  boolean stopping() {
    return stopping;
  }

  boolean done() {
    return done;
  }

  /** Done with all; fails with {@link CancellationException} when it is stopped before that. */
  CompletableFuture<Void> finished() {
    synchronized (lock) {
      return finished.copy();
    }
  }

  /** Whether it was started since the last call. */
  boolean taken() {
    synchronized (lock) {
      boolean again = taken != starts;
      taken = starts;
      return again;
    }
  }

  /**
   * All is done, unless more was asked for since it was {@link #taken}.
   *
   * @return to be completed when the mover is ready for the next start, or null if it is not done
   */
  @Nullable CompletableFuture<Void> fulfil() {
    synchronized (lock) {
      if (taken != starts || stopping) {
        return null;
      }
      done = true;
      return finished;
    }
  }

  /** It has ended because it was stopped. */
  void cancelled() {
    CompletableFuture<Void> all;
    synchronized (lock) {
      all = finished;
    }
    all.completeExceptionally(new CancellationException("the move was stopped"));
  }
}
