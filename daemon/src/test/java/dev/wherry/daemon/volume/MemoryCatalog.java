package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.NodeIdentity;
import dev.wherry.daemon.catalog.VolumeRecord;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** A catalog that forgets with the process. */
final class MemoryCatalog implements Catalog {
  private final Map<String, VolumeRecord> volumes = new LinkedHashMap<>();

  @Override
  public NodeIdentity identity() {
    return new NodeIdentity("id", "n");
  }

  @Override
  public synchronized List<VolumeRecord> volumes() {
    return List.copyOf(volumes.values());
  }

  @Override
  public synchronized CompletableFuture<Void> put(VolumeRecord volume) {
    volumes.put(volume.suid(), volume);
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public synchronized CompletableFuture<Void> remove(String suid) {
    volumes.remove(suid);
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public void close() {}
}
