package dev.wherry.path;

import dev.wherry.nbd.FileSlice;
import dev.wherry.path.fault.Fault.Op;
import dev.wherry.path.fault.InterceptedDevice;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Counts what reaches a device, and notices what reaches it after it was retired. Of the plain
 * requests some end on the caller's thread and some on another one, later.
 */
final class GuardedDevice extends InterceptedDevice {
  private final Executor elsewhere;
  private final AtomicLong started = new AtomicLong();
  private final AtomicLong ended = new AtomicLong();
  private final AtomicLong late = new AtomicLong();
  private volatile boolean retired;
  private volatile boolean closed;

  GuardedDevice(BlockDevice device, Executor elsewhere) {
    super(device);
    this.elsewhere = elsewhere;
  }

  BlockDevice inner() {
    return device;
  }

  /** Requests that were made: the plain ones and the attempts that succeeded. */
  long started() {
    return started.get();
  }

  long inFlight() {
    return started.get() - ended.get();
  }

  /** From now on no request may come. */
  void retire() {
    retired = true;
  }

  /** Requests and attempts that came after {@link #retire}. */
  long late() {
    return late.get();
  }

  boolean closed() {
    return closed;
  }

  private void arrives() {
    if (retired) {
      late.incrementAndGet();
    }
  }

  @Override
  protected <T> CompletableFuture<T> run(
      Op op, long offset, long length, Supplier<CompletableFuture<T>> request) {
    arrives();
    started.incrementAndGet();
    CompletableFuture<T> done =
        ThreadLocalRandom.current().nextBoolean()
            ? request.get()
            : CompletableFuture.supplyAsync(request, elsewhere).thenCompose(f -> f);
    return done.whenComplete((v, t) -> ended.incrementAndGet());
  }

  private boolean attempt(boolean done) {
    arrives();
    if (done) {
      started.incrementAndGet();
      ended.incrementAndGet();
    }
    return done;
  }

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    return attempt(super.tryRead(offset, length, into));
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    return attempt(super.tryWrite(offset, data));
  }

  @Override
  public @Nullable FileSlice trySend(long offset, int length) {
    arrives();
    return super.trySend(offset, length);
  }

  @Override
  public CompletableFuture<Void> close() {
    closed = true;
    return super.close();
  }
}
