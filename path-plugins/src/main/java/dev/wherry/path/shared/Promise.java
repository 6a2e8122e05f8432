package dev.wherry.path.shared;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The ownership is promised to a node that has not come for it yet. The background rests meanwhile:
 * it would have to be waited for while that node holds its hosts.
 *
 * <p>Safe on any thread; never blocks.
 */
final class Promise {
  private final String to;
  private final Moves moves;
  private final CompletableFuture<Void> still;
  private @Nullable ScheduledFuture<?> timeout;
  private boolean ended;

  Promise(String to, Moves moves) {
    this.to = to;
    this.moves = moves;
    still = moves.stop();
  }

  String to() {
    return to;
  }

  /** Done when nothing of the background is under way. */
  CompletableFuture<Void> still() {
    return still;
  }

  /** The node is not waited for any longer than this. */
  synchronized void endAfter(Duration limit, ScheduledExecutorService timer, Runnable late) {
    if (!ended) {
      timeout = timer.schedule(late, limit.toNanos(), TimeUnit.NANOSECONDS);
    }
  }

  /** The node has come, or will not; the background goes on. */
  void end() {
    if (isFirstEnd()) {
      moves.resume();
    }
  }

  private synchronized boolean isFirstEnd() {
    boolean first = !ended;
    ended = true;
    if (timeout != null) {
      timeout.cancel(false);
    }
    return first;
  }
}
