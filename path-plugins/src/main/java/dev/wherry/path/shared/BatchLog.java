package dev.wherry.path.shared;

import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;

/**
 * The file in which a source keeps a batch before it applies it; a test has one that forgets what
 * was not forced. Nothing in it is of use to anyone else. Never blocks; calls do not overlap.
 */
public interface BatchLog {
  /**
   * Reads a part.
   *
   * @param length more than 0
   * @return as much of it as there is, maybe nothing; the caller releases it
   */
  CompletableFuture<ByteBuf> read(long offset, int length);

  /**
   * Writes a part; there may be a gap to what was written before.
   *
   * @param data owned by this from now on
   */
  CompletableFuture<Void> write(long offset, ByteBuf data);

  /** Makes durable what was written. */
  CompletableFuture<Void> force();

  /** Forgets what is behind a length; maybe not durably. */
  CompletableFuture<Void> truncate(long length);

  /** Ends the use of it. Nothing is in flight and nothing follows. */
  CompletableFuture<Void> close();
}
