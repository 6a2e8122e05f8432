package dev.wherry.path.fault;

import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.fault.Fault.Action;
import dev.wherry.path.fault.Fault.Op;
import io.netty.buffer.ByteBuf;
import io.netty.util.ReferenceCountUtil;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A device with faults that the test puts in and takes out while requests go on. While there is any
 * fault, attempts are declined, so that every request meets it.
 */
public final class FaultDevice extends InterceptedDevice {
  private final List<Fault.Armed> faults = new CopyOnWriteArrayList<>();
  private final ScheduledExecutorService scheduler;

  /**
   * @param scheduler runs what is delayed
   */
  public FaultDevice(BlockDevice device, ScheduledExecutorService scheduler) {
    super(device);
    this.scheduler = scheduler;
  }

  /**
   * Puts a fault in place.
   *
   * @return takes it out again; what it holds stays held
   */
  public Runnable inject(Fault fault) {
    Fault.Armed armed = new Fault.Armed(fault);
    faults.add(armed);
    return () -> faults.remove(armed);
  }

  /** Keeps these requests back. */
  public Hold hold(Op first, Op... more) {
    Hold hold = new Hold();
    inject(Fault.on(first, more).holds(hold));
    return hold;
  }

  /** Takes all faults out. */
  public void heal() {
    faults.clear();
  }

  @Override
  protected <T> CompletableFuture<T> run(
      Op op, long offset, long length, Supplier<CompletableFuture<T>> call) {
    for (Fault.Armed fault : faults) {
      Action action = fault.hit(op, offset, length);
      if (action instanceof Fault.Fail fail) {
        return fail(fail, op + " of " + offset + "+" + length, call);
      } else if (action instanceof Fault.Delay delay) {
        Executor later =
            task -> scheduler.schedule(task, delay.time().toNanos(), TimeUnit.NANOSECONDS);
        return CompletableFuture.supplyAsync(call, later).thenCompose(f -> f);
      } else if (action instanceof Fault.Keep keep) {
        return keep.hold().keep(call);
      }
    }
    return call.get();
  }

  private static <T> CompletableFuture<T> fail(
      Fault.Fail fail, String what, Supplier<CompletableFuture<T>> call) {
    NbdException failure = new NbdException(fail.error(), what + " fails by order");
    if (!fail.done()) {
      return CompletableFuture.failedFuture(failure);
    }
    return call.get()
        .thenCompose(
            v -> {
              ReferenceCountUtil.release(v);
              return CompletableFuture.failedFuture(failure);
            });
  }

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    return faults.isEmpty() && device.tryRead(offset, length, into);
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    return faults.isEmpty() && device.tryWrite(offset, data);
  }

  @Override
  public @Nullable FileSlice trySend(long offset, int length) {
    return faults.isEmpty() ? device.trySend(offset, length) : null;
  }
}
