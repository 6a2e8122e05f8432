package dev.wherry.path.shared;

import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Supplier;

/** The sink of a source that is opened when it is first needed. */
final class LazySink implements Sink {
  private final Supplier<CompletableFuture<Sink>> opener;
  private final Waits waits;

  LazySink(Supplier<CompletableFuture<Sink>> opener, Waits waits) {
    this.opener = opener;
    this.waits = waits;
  }

  private <T> CompletableFuture<T> ask(Function<Sink, CompletableFuture<T>> request) {
    return waits.of(() -> opener.get().thenCompose(request), done -> {});
  }

  /** With data that is kept until it is opened, and released. */
  private CompletableFuture<Void> with(
      ByteBuf data, Function<Sink, CompletableFuture<Void>> request) {
    return waits.of(
        () -> opener.get().thenCompose(request).whenComplete((v, failure) -> data.release()),
        done -> {});
  }

  @Override
  public CompletableFuture<Long> begin() {
    return ask(Sink::begin);
  }

  @Override
  public CompletableFuture<Void> put(long batch, long offset, ByteBuf data) {
    return with(data, sink -> sink.put(batch, offset, data.retainedSlice()));
  }

  @Override
  public CompletableFuture<Void> putZero(long batch, long offset, long length) {
    return ask(sink -> sink.putZero(batch, offset, length));
  }

  @Override
  public CompletableFuture<Void> commit(long batch, long pieces) {
    return ask(sink -> sink.commit(batch, pieces));
  }

  @Override
  public CompletableFuture<Void> write(long batch, long offset, ByteBuf data) {
    ByteBuf own = data.retainedSlice();
    return with(own, sink -> sink.write(batch, offset, own));
  }

  @Override
  public CompletableFuture<Void> zero(long batch, long offset, long length) {
    return ask(sink -> sink.zero(batch, offset, length));
  }

  @Override
  public CompletableFuture<Void> flush(long batch) {
    return ask(sink -> sink.flush(batch));
  }
}
