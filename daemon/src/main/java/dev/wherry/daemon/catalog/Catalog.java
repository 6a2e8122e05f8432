package dev.wherry.daemon.catalog;

import java.util.List;
import java.util.concurrent.CompletableFuture;

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

  /** Commits what was asked for and closes the file. Blocks, at most ten seconds. */
  @Override
  void close();
}
