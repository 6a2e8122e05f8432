package dev.wherry.path.shared;

import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.LinkReply.Status;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The owner's store at rest: the background has ended, hosts are held, nothing is under way, and
 * all that they were answered is durable. What the volume consists of may change then.
 *
 * <p>Safe on any thread; never blocks.
 */
final class Standstill {
  private final Core core;
  private final Moves moves;

  Standstill(Core core, Moves moves) {
    this.core = core;
    this.moves = moves;
  }

  /**
   * Changes something meanwhile. The background goes on afterwards, whatever came of it.
   *
   * @param store of this node, which owns the volume
   * @param change is not asked for if the store cannot be brought to rest
   * @param end has the hosts go on; called once they are held, with what came of it. The volume may
   *     be failed by then
   * @return what came of the change; if hosts could not be held, why, and they go on
   */
  <T> CompletableFuture<T> during(
      LayeredStore store,
      Supplier<CompletableFuture<T>> change,
      BiConsumer<? super @Nullable T, ? super @Nullable Throwable> end) {
    core.still(true);
    // What other nodes fetch may wait for a source; hosts do not wait for that.
    return moves
        .stop()
        .thenCompose(v -> quiet(store))
        .thenCompose(v -> core.hold())
        .thenCompose(
            v ->
                quiet(store)
                    .thenCompose(w -> core.presentRole().writer().stop())
                    .thenCompose(w -> flush())
                    .thenCompose(w -> change.get())
                    .whenComplete(end))
        .whenComplete(
            (v, failure) -> {
              core.still(false);
              moves.resume();
            });
  }

  /** Done when nothing is under way but hosts' requests; fails if that takes too long. */
  private CompletableFuture<Void> quiet(LayeredStore store) {
    CompletableFuture<Void> quiet = store.quiet();
    if (quiet.isDone()) {
      return quiet;
    }
    CompletableFuture<Void> result = new CompletableFuture<>();
    var limit =
        core.parts()
            .timer()
            .schedule(
                () ->
                    result.completeExceptionally(
                        new ShareException(
                            Status.REFUSED, "what other nodes read here does not come to its end")),
                Core.DRAIN.toNanos(),
                TimeUnit.NANOSECONDS);
    quiet.whenComplete(
        (v, failure) -> {
          limit.cancel(false);
          result.complete(null);
        });
    return result;
  }

  /**
   * Makes durable what was written, and what the map knows of it. One that fails, fails the volume,
   * as a host's: the next one might succeed, and say nothing.
   */
  CompletableFuture<Void> flush() {
    return core.presentRole()
        .writer()
        .flush()
        .whenComplete(
            (v, failure) -> {
              if (failure != null) {
                Throwable cause = Failures.causeOf(failure);
                core.losses().failedToFlush(cause);
                if (!(cause instanceof NbdException e && e.isHarmless())) {
                  core.inner().fail(cause);
                }
              }
            });
  }
}
