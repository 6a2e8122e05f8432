package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A source that is opened when it is first needed, and again if that failed. */
final class LazySource implements Source {
  private final String name;
  private final Function<String, CompletableFuture<Source>> opener;
  private final Waits waits;
  private @Nullable CompletableFuture<Source> opening;

  /**
   * @param opener opens what is named
   * @param waits what is asked of it, and given up with it
   */
  LazySource(String name, Function<String, CompletableFuture<Source>> opener, Waits waits) {
    this.name = name;
    this.opener = opener;
    this.waits = waits;
  }

  private synchronized CompletableFuture<Source> open() {
    CompletableFuture<Source> now = opening;
    if (now == null || now.isCompletedExceptionally()) {
      now = opener.apply(name);
      opening = now;
    }
    return now;
  }

  @Override
  public CompletableFuture<ByteBuf> fetch(long offset, int length, Priority priority) {
    return waits.of(
        () -> open().thenCompose(s -> s.fetch(offset, length, priority)), ByteBuf::release);
  }

  @Override
  public CompletableFuture<List<Extent>> extents(long offset, long length) {
    return waits.of(() -> open().thenCompose(s -> s.extents(offset, length)), e -> {});
  }

  @Override
  public Sink sink() {
    return new LazySink(this::openSink, waits);
  }

  private CompletableFuture<Sink> openSink() {
    return open()
        .thenApply(
            s -> {
              Sink sink = s.sink();
              if (sink == null) {
                throw new NbdException(NbdError.ENOTSUP, name + " cannot be written");
              }
              return sink;
            });
  }

  @Override
  public synchronized CompletableFuture<Void> close() {
    CompletableFuture<Source> now = opening;
    return now == null
        ? CompletableFuture.completedFuture(null)
        : now.handle((s, failure) -> s)
            .thenCompose(s -> s == null ? CompletableFuture.completedFuture(null) : s.close());
  }

  @Override
  public String describe() {
    return name;
  }
}
