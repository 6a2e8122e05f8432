package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** A batch's file, as one life of a process has it open. */
final class MortalBatchLog implements BatchLog {
  private final ForgetfulBytes file;
  private final Latency latency;
  private boolean dead;

  MortalBatchLog(ForgetfulBytes file, Latency latency) {
    this.file = file;
    this.latency = latency;
  }

  void die() {
    dead = true;
  }

  private <T> CompletableFuture<T> run(Supplier<CompletableFuture<T>> call) {
    CompletableFuture<T> result = new CompletableFuture<>();
    latency.soon(
        300,
        () ->
            (dead ? Answers.<T>failed(NbdError.EIO, "the process is dead") : call.get())
                .whenComplete((v, t) -> Failures.pass(v, t, result)));
    return result;
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    return run(
        () -> {
          int from = (int) Math.min(file.bytes.length, offset);
          int to = (int) Math.min(file.bytes.length, offset + length);
          return CompletableFuture.completedFuture(
              Unpooled.copiedBuffer(file.bytes, from, to - from));
        });
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data) {
    return this.<Void>run(
            () -> {
              file.write(offset, ByteBufUtil.getBytes(data));
              return Answers.done();
            })
        .whenComplete((v, t) -> data.release());
  }

  @Override
  public CompletableFuture<Void> force() {
    return run(
        () -> {
          file.force();
          return Answers.done();
        });
  }

  @Override
  public CompletableFuture<Void> truncate(long length) {
    return run(
        () -> {
          file.truncate(length);
          return Answers.done();
        });
  }

  @Override
  public CompletableFuture<String> setAside(long offset, ByteBuf data) {
    return this.<String>run(
            () -> {
              file.truncate(0);
              file.write(offset, ByteBufUtil.getBytes(data));
              file.force();
              return CompletableFuture.completedFuture("what was damaged");
            })
        .whenComplete((v, t) -> data.release());
  }

  @Override
  public CompletableFuture<Void> close() {
    return Answers.done();
  }
}
