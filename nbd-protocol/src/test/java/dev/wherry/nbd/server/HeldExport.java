package dev.wherry.nbd.server;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

/**
 * Bytes in an array whose requests take effect at once and are completed when the test says so, in
 * the order that it says. A write takes effect when it completes: its buffer must last till then.
 */
final class HeldExport extends MemoryExport {
  /** A request that waits. */
  record Held(String what, Runnable complete, CompletableFuture<?> future) {
    void fail(Throwable t) {
      future.completeExceptionally(t);
    }
  }

  private final List<Held> held = new ArrayList<>();

  HeldExport(int size) {
    super(ExportInfo.of(size), false);
  }

  HeldExport(ExportInfo info) {
    super(info, false);
  }

  synchronized int waiting() {
    return held.size();
  }

  synchronized Held take(int i) {
    return held.remove(i);
  }

  void complete(int i) {
    take(i).complete.run();
  }

  void completeAll() {
    while (waiting() > 0) {
      complete(0);
    }
  }

  void completeOne(Random random) {
    complete(random.nextInt(waiting()));
  }

  private synchronized <T> CompletableFuture<T> hold(
      String what, java.util.function.Supplier<CompletableFuture<T>> result) {
    CompletableFuture<T> future = new CompletableFuture<>();
    held.add(new Held(what, () -> future.complete(result.get().join()), future));
    return future;
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    CompletableFuture<ByteBuf> now = super.read(offset, length);
    return hold("read", () -> now);
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    int readable = data.readableBytes();
    return hold(
        "write",
        () -> {
          if (data.readableBytes() != readable) {
            throw new AssertionError("a lent buffer has changed");
          }
          return super.write(offset, data, flags);
        });
  }

  @Override
  public CompletableFuture<Void> flush() {
    return hold("flush", super::flush);
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return hold("zero", () -> super.zero(offset, length, flags));
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return hold("trim", () -> super.zero(offset, length, flags));
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return hold("cache", () -> super.cache(offset, length));
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    return hold("status", () -> super.status(context, offset, length, maxExtents));
  }
}
