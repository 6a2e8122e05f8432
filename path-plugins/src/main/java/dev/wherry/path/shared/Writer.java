package dev.wherry.path.shared;

import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;

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

  /** Nothing of it is under way any more, and nothing follows. */
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
