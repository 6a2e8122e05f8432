package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;

/** How a host waits for its source to be there again, under {@link Following#stall}. */
final class SourceWait {
  private final Ledger ledger;
  private final Duration patience;
  private final ScheduledExecutorService timer;
  private final LongSupplier nanoClock;

  /**
   * @param patience how long a host waits
   */
  SourceWait(
      Ledger ledger, Duration patience, ScheduledExecutorService timer, LongSupplier nanoClock) {
    this.ledger = ledger;
    this.patience = patience;
    this.timer = timer;
    this.nanoClock = nanoClock;
  }

  /** One of the two happens: what comes next, or the failure once a host's time is over. */
  void from(
      long begin, CompletableFuture<Void> there, Runnable next, CompletableFuture<Void> result) {
    AtomicBoolean decided = new AtomicBoolean();
    var limit =
        timer.schedule(
            () -> {
              if (!decided.getAndSet(true)) {
                // Also of a flush: what succeeded before is as safe as it was.
                result.completeExceptionally(
                    NbdException.harmless(NbdError.EIO, "the source is away: " + ledger.failure()));
              }
            },
            Math.max(0, begin + patience.toNanos() - nanoClock.getAsLong()),
            TimeUnit.NANOSECONDS);
    there.whenComplete(
        (v, t) -> {
          limit.cancel(false);
          if (!decided.getAndSet(true)) {
            next.run();
          }
        });
  }

  /** Done when the source is there; fails once a host's time is over. */
  CompletableFuture<Void> until(CompletableFuture<Void> there) {
    CompletableFuture<Void> result = new CompletableFuture<>();
    from(nanoClock.getAsLong(), there, () -> result.complete(null), result);
    return result;
  }
}
