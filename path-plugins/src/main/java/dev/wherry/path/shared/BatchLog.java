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

  /**
   * Keeps the file as it is under another name, for people to look at, and goes on with a new one
   * in which there is nothing but this. Durable when done; after a crash it is the one or the
   * other. What was set aside before may be gone then.
   *
   * @param data owned by this from now on
   * @return how that is called which was set aside
   */
  CompletableFuture<String> setAside(long offset, ByteBuf data);

  /** Ends the use of it. Nothing is in flight and nothing follows. */
  CompletableFuture<Void> close();
}
