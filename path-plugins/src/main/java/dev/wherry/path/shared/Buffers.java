package dev.wherry.path.shared;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Puts buffers together that come at different times. */
final class Buffers {
  private Buffers() {}

  static ByteBuf zeroes(int length) {
    return length == 0
        ? Unpooled.EMPTY_BUFFER
        : ByteBufAllocator.DEFAULT.buffer(length).writeZero(length);
  }

  /**
   * Joins the parts in their order.
   *
   * @return owns the parts; fails as the first one in the list that fails, once all have ended
   */
  static CompletableFuture<ByteBuf> join(List<CompletableFuture<ByteBuf>> parts) {
    if (parts.size() == 1) {
      return parts.get(0);
    }
    return CompletableFuture.allOf(parts.toArray(CompletableFuture<?>[]::new))
        .handle(
            (v, failure) -> {
              if (failure == null) {
                CompositeByteBuf all = ByteBufAllocator.DEFAULT.compositeBuffer(parts.size());
                parts.forEach(p -> all.addComponent(true, p.join()));
                return all;
              }
              parts.stream()
                  .filter(p -> !p.isCompletedExceptionally())
                  .forEach(p -> p.join().release());
              throw Failures.of(failure);
            });
  }
}
