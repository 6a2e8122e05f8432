package dev.wherry.path.shared;

import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.VolumeState;
import dev.wherry.path.map.BlockMap;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The end of a volume's engine: what brings blocks here ends first, then what hosts asked for, then
 * what follows, and the state last, so that nothing finds something gone that it needs.
 *
 * <p>Safe on any thread; never blocks. One of the two is called, once.
 */
final class Ending {
  private final Core core;
  private final Moves moves;

  Ending(Core core, Moves moves) {
    this.core = core;
    this.moves = moves;
  }

  /** Ends the engine; the store stays open, and is the caller's. */
  CompletableFuture<@Nullable BlockDevice> detachStore() {
    LayeredStore store = core.store();
    return quiet()
        .thenCompose(v -> core.close())
        .thenApply(v -> store == null ? null : store.device());
  }

  /** Ends the engine, in peace if it has not failed, and closes what it has. */
  CompletableFuture<Void> close() {
    boolean failed = core.inner().state() == VolumeState.FAILED;
    return quiet()
        .thenCompose(v -> failed ? Answers.done() : core.losses().stopped(core.store()))
        .thenCompose(v -> core.close())
        .thenCompose(v -> closeStore());
  }

  /** Nobody is served any more, and nothing is under way. */
  private CompletableFuture<Void> quiet() {
    core.closing();
    return moves
        .close()
        .thenCompose(v -> core.inner().close())
        .thenCompose(v -> core.presentRole().stopFollowing());
  }

  private CompletableFuture<Void> closeStore() {
    LayeredStore store = core.store();
    if (store == null) {
      return Answers.done();
    }
    BlockMap map = store.map();
    CompletableFuture<Void> mapClosed = map == null ? Answers.done() : map.close();
    CompletableFuture<Void> sourceClosed = Sources.closeAll(store.sources());
    // What was fetched ahead and comes now is for nobody.
    store.map(null);
    return store
        .quiet()
        .thenCompose(w -> Answers.join(List.of(mapClosed, sourceClosed)))
        .thenCompose(w -> store.device().close());
  }
}
