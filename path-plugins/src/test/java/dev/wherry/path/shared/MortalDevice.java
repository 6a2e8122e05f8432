package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.ForwardingDevice;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A device that takes its time, as one life of a process has it open: dead, it does nothing. */
final class MortalDevice extends ForwardingDevice {
  private final Latency latency;
  private boolean dead;

  MortalDevice(BlockDevice device, Latency latency) {
    super(device);
    this.latency = latency;
  }

  void die() {
    dead = true;
  }

  private <T> CompletableFuture<T> run(Supplier<CompletableFuture<T>> call) {
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
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    return run(() -> device.read(offset, length));
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return run(() -> device.write(offset, data, flags));
  }

  @Override
  public CompletableFuture<Void> flush() {
    return run(device::flush);
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return run(() -> device.trim(offset, length, flags));
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return run(() -> device.zero(offset, length, flags));
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    return run(() -> device.status(context, offset, length, maxExtents));
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
