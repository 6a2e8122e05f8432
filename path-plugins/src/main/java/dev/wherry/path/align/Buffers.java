package dev.wherry.path.align;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.concurrent.CompletableFuture;

/** Two buffers that are read at once; if one read fails, the other's buffer is released. */
record Buffers(ByteBuf first, ByteBuf second) {

  /** A read of nothing. */
  static CompletableFuture<ByteBuf> none() {
    return CompletableFuture.completedFuture(Unpooled.EMPTY_BUFFER);
  }

  /** Both; the caller releases them. */
  static CompletableFuture<Buffers> both(
      CompletableFuture<ByteBuf> first, CompletableFuture<ByteBuf> second) {
    return first
        .thenCombine(second, Buffers::new)
        .whenComplete(
            (both, failure) -> {
              if (failure != null) {
                first.thenAccept(ByteBuf::release);
                second.thenAccept(ByteBuf::release);
              }
            });
  }

  /** Both as one buffer. */
  static CompletableFuture<ByteBuf> joined(
      CompletableFuture<ByteBuf> first, CompletableFuture<ByteBuf> second) {
    return both(first, second)
        .thenApply(both -> Unpooled.wrappedBuffer(both.first(), both.second()));
  }
}
