package dev.wherry.path;

import dev.wherry.nbd.FileSlice;
import io.netty.buffer.ByteBuf;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Keeps reads, writes and flushes back until the test lets them go. Has no shortcuts. */
final class HoldingDevice extends ForwardingDevice {
  private record Kept<T>(Supplier<CompletableFuture<T>> call, CompletableFuture<T> result) {
    void go() {
      call.get()
          .whenComplete(
              (v, t) -> {
                if (t == null) {
                  result.complete(v);
                } else {
                  result.completeExceptionally(t);
                }
              });
    }
  }

  private final Queue<Kept<?>> kept = new ArrayDeque<>();

  HoldingDevice(BlockDevice device) {
    super(device);
  }

  private <T> CompletableFuture<T> keep(Supplier<CompletableFuture<T>> call) {
    Kept<T> request = new Kept<>(call, new CompletableFuture<>());
    synchronized (kept) {
      kept.add(request);
    }
    return request.result;
  }

  int kept() {
    synchronized (kept) {
      return kept.size();
    }
  }

  /** Lets the oldest go. */
  void letOneGo() {
    Kept<?> request;
    synchronized (kept) {
      request = kept.remove();
    }
    request.go();
  }

  /** Fails the oldest. */
  void failOne(Throwable cause) {
    Kept<?> request;
    synchronized (kept) {
      request = kept.remove();
    }
    request.result.completeExceptionally(cause);
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    return keep(() -> super.read(offset, length));
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return keep(() -> super.write(offset, data, flags));
  }

  @Override
  public CompletableFuture<Void> flush() {
    return keep(super::flush);
  }

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    return false;
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    return false;
  }

  @Override
  public @Nullable FileSlice trySend(long offset, int length) {
    return null;
  }
}
