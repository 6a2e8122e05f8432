package dev.wherry.path.shared;

import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * How the owner changes the volume: what a {@link WritePolicy} means. As {@link LayeredStore}'s.
 */
interface Writer {
  /** Only this node's store is written. */
  boolean isLocal();

  CompletableFuture<Void> write(long offset, ByteBuf data, int flags);

  CompletableFuture<Void> zero(long offset, long length, int flags);

  CompletableFuture<Void> trim(long offset, long length, int flags);

  CompletableFuture<Void> flush();

  /** It is in use from now on. */
  default void start() {}

  /** The source may be there again. */
  default void retry() {}

  /** How far the source is behind; null where it does not follow. */
  default @Nullable Lag lag() {
    return null;
  }

  /**
   * Ends it. Done when nothing of it uses the store any more; nothing follows but a {@link #flush},
   * which is this store's alone. What is on its way to the source may arrive or not.
   */
  CompletableFuture<Void> stop();

  /** The policy {@link WritePolicy#LOCAL}. */
  static Writer local(LayeredStore store) {
    return new Writer() {
      @Override
      public boolean isLocal() {
        return true;
      }

      @Override
      public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
        return store.write(offset, data, flags);
      }

      @Override
      public CompletableFuture<Void> zero(long offset, long length, int flags) {
        return store.zero(offset, length, flags);
      }

      @Override
      public CompletableFuture<Void> trim(long offset, long length, int flags) {
        return store.trim(offset, length, flags);
      }

      @Override
      public CompletableFuture<Void> flush() {
        return store.flush();
      }

      @Override
      public CompletableFuture<Void> stop() {
        return CompletableFuture.completedFuture(null);
      }
    };
  }
}
