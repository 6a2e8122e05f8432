package dev.wherry.path;

import dev.wherry.nbd.Export;
import java.util.concurrent.CompletableFuture;

/**
 * Something that holds bytes: a file, a disk, another NBD server, other devices put together.
 * Requests follow the rules of {@link Export}.
 */
public interface BlockDevice extends Export {
  /** The spec that opens it again, as {@code --backing} takes it. For people and the catalog. */
  String describe();

  /**
   * Changes the size in bytes, where the device can.
   *
   * @return fails with ENOTSUP where it cannot, ENOSPC where there is no room
   */
  CompletableFuture<Void> resize(long size);

  /**
   * Releases the device. No request is in flight and none follows. Does not flush. Completes when
   * files are closed and locks are gone; a second call does nothing.
   */
  CompletableFuture<Void> close();
}
