package dev.wherry.path.shared;

import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.fault.Fault.Op;
import dev.wherry.path.fault.InterceptedDevice;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A device that takes its time, as one life of a process has it open: dead, it does nothing. */
final class MortalDevice extends InterceptedDevice {
  private final Latency latency;
  private boolean dead;

  MortalDevice(BlockDevice device, Latency latency) {
    super(device);
    this.latency = latency;
  }

  void die() {
    dead = true;
  }

  @Override
  protected <T> CompletableFuture<T> run(
      Op op, long offset, long length, Supplier<CompletableFuture<T>> call) {
    CompletableFuture<T> result = new CompletableFuture<>();
    int micros = latency.slow && latency.oneIn(300) ? 8_000_000 : 300;
    latency.soon(
        micros,
        () -> {
          CompletableFuture<T> done =
              dead ? Answers.failed(NbdError.EIO, "the process is dead") : call.get();
          latency.soon(100, () -> done.whenComplete((v, t) -> Failures.pass(v, t, result)));
        });
    return result;
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
