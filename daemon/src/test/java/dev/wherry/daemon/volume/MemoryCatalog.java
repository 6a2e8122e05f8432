package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.CatalogException;
import dev.wherry.daemon.catalog.NodeIdentity;
import dev.wherry.daemon.catalog.PeerRecord;
import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.path.shared.ShareState;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A catalog that forgets with the process. */
public final class MemoryCatalog implements Catalog {
  private final Map<String, VolumeRecord> volumes = new LinkedHashMap<>();
  private final Map<String, ShareRecord> shares = new LinkedHashMap<>();
  private final Map<String, PeerRecord> peers = new LinkedHashMap<>();
  private @Nullable CatalogException refusal;

  /** Why no share's state can be put from now on, or null. */
  public synchronized void refuseStates(@Nullable CatalogException why) {
    refusal = why;
  }

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
    shares.remove(suid);
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public synchronized List<ShareRecord> shares() {
    return List.copyOf(shares.values());
  }

  @Override
  public synchronized CompletableFuture<Void> put(VolumeRecord volume, ShareRecord share) {
    volumes.put(volume.suid(), volume);
    shares.put(volume.suid(), share);
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public synchronized CompletableFuture<Void> put(
      String suid, @Nullable ShareState before, ShareState state) {
    CatalogException why = refusal;
    if (why != null) {
      return CompletableFuture.failedFuture(why);
    }
    shares.merge(
        suid,
        new ShareRecord(suid, state, ShareRecord.Options.DEFAULT),
        (old, fresh) -> old.withState(state));
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public synchronized CompletableFuture<Void> put(String suid, ShareRecord.Options options) {
    shares.computeIfPresent(suid, (k, old) -> old.withOptions(options));
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public synchronized List<PeerRecord> peers() {
    return List.copyOf(peers.values());
  }

  @Override
  public synchronized CompletableFuture<Void> put(PeerRecord peer) {
    peers.put(peer.name(), peer);
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public synchronized CompletableFuture<Void> removePeer(String name) {
    peers.remove(name);
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public void close() {}
}
