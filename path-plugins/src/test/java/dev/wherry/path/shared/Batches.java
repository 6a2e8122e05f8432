package dev.wherry.path.shared;

import dev.wherry.path.Answers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;

/** A batch's file in memory. */
final class Batches implements BatchLog {
  private byte[] bytes = new byte[0];
  private int setAside;

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    int from = (int) Math.min(bytes.length, offset);
    int to = (int) Math.min(bytes.length, offset + length);
    return CompletableFuture.completedFuture(Unpooled.copiedBuffer(bytes, from, to - from));
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data) {
    byte[] more = ByteBufUtil.getBytes(data);
    data.release();
    bytes = Arrays.copyOf(bytes, (int) Math.max(bytes.length, offset + more.length));
    System.arraycopy(more, 0, bytes, (int) offset, more.length);
    return Answers.done();
  }

  @Override
  public CompletableFuture<Void> force() {
    return Answers.done();
  }

  @Override
  public CompletableFuture<Void> truncate(long length) {
    bytes = Arrays.copyOf(bytes, (int) Math.min(bytes.length, length));
    return Answers.done();
  }

  @Override
  public CompletableFuture<String> setAside(long offset, ByteBuf data) {
    bytes = new byte[0];
    setAside++;
    return write(offset, data).thenApply(v -> "what was damaged");
  }

  @Override
  public CompletableFuture<Void> close() {
    return Answers.done();
  }

  /** Whether nothing of it is waiting to be applied. */
  boolean isEmpty() {
    return bytes.length <= 8192;
  }

  /** Turns a bit. */
  void damage(int at) {
    bytes[at] ^= 1;
  }

  int setAside() {
    return setAside;
  }
}
