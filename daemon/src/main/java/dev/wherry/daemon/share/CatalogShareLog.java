package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.shared.ShareLog;
import dev.wherry.path.shared.ShareState;
import java.util.concurrent.CompletableFuture;
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
    return catalog.put(entry.suid(), entry.shareState(), state).thenRun(() -> entry.share(state));
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
