package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.CatalogException;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.shared.ShareLog;
import dev.wherry.path.shared.ShareState;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;

/**
 * The memory of one shared volume: its state in the catalog, its maps in files. What the entry
 * shows is what is durable.
 */
final class CatalogShareLog implements ShareLog {
  private final VolumeEntry entry;
  private final Catalog catalog;
  private final MapFiles maps;
  private final Executor workers;

  /**
   * @param entry has a share
   * @param workers may block
   */
  CatalogShareLog(VolumeEntry entry, Catalog catalog, MapFiles maps, Executor workers) {
    this.entry = entry;
    this.catalog = catalog;
    this.maps = maps;
    this.workers = workers;
  }

  @Override
  public CompletableFuture<Void> put(ShareState state) {
    return catalog
        .put(entry.suid(), entry.shareState(), state)
        .thenRun(() -> entry.share(state))
        .exceptionallyCompose(failure -> CompletableFuture.failedFuture(worded(failure)));
  }

  /** The engine waits for room where it is told in its own words that there is none. */
  private static Throwable worded(Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof CatalogException c && c.noSpace()
        ? NbdException.harmless(NbdError.ENOSPC, String.valueOf(c.getMessage()), c)
        : failure;
  }

  @Override
  public CompletableFuture<BlockMap> create(long number, int state) {
    VolumeRecord v = entry.record();
    return CompletableFuture.supplyAsync(
        () -> maps.create(v.suid(), number, v.size(), v.blockSize(), state), workers);
  }

  @Override
  public CompletableFuture<Void> remove(long number) {
    return CompletableFuture.runAsync(() -> maps.remove(entry.suid(), number), workers);
  }
}
