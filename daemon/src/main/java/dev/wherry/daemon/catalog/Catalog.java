package dev.wherry.daemon.catalog;

import dev.wherry.path.shared.ShareState;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The durable memory of a node. Changes may be asked for on any thread, never block it, and happen
 * in the order in which they were asked for; a future completes on the catalog's thread once the
 * change is durable, and fails with a {@link CatalogException} when it is not.
 */
public interface Catalog extends AutoCloseable {
  /** Who this node is. */
  NodeIdentity identity();

  /**
   * All volumes in the order of their creation, so that an alias comes after what it leads to.
   * Blocks; called at start.
   */
  List<VolumeRecord> volumes();

  /** Adds the volume, or replaces the record of the same SUID. */
  CompletableFuture<Void> put(VolumeRecord volume);

  /** Forgets the volume; no error if there is none. */
  CompletableFuture<Void> remove(String suid);

  /** All shares: those of volumes that other nodes have, or had, a part in. Blocks; at start. */
  List<ShareRecord> shares();

  /** Puts a volume and its share as one. */
  CompletableFuture<Void> put(VolumeRecord volume, ShareRecord share);

  /** Replaces a share's state, and nothing else of it; the volume is there. */
  default CompletableFuture<Void> put(String suid, ShareState state) {
    return put(suid, null, state);
  }

  /**
   * As {@link #put(String, ShareState)}, in less time: hosts may wait for it.
   *
   * @param before what was put last, or null if that is not known
   */
  CompletableFuture<Void> put(String suid, @Nullable ShareState before, ShareState state);

  /** Replaces what the daemon keeps beside a share's state. */
  CompletableFuture<Void> put(String suid, ShareRecord.Options options);

  /** All other nodes, by name. Blocks; at start. */
  List<PeerRecord> peers();

  /** Adds the node, or replaces the record of the same name. */
  CompletableFuture<Void> put(PeerRecord peer);

  /** Forgets the node; no error if there is none. */
  CompletableFuture<Void> removePeer(String name);

  /** Commits what was asked for and closes the file. Blocks, at most ten seconds. */
  @Override
  void close();
}
