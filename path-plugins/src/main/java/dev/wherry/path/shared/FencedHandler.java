package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Refuses everything: another node was made the owner while this one could not be asked. */
final class FencedHandler extends RoleHandler {
  private final String why;

  FencedHandler(String suid, long size, String why) {
    super(suid, size);
    this.why = why;
  }

  private <T> CompletableFuture<T> refused() {
    return Answers.failed(NbdError.EPERM, "volume " + suid() + " is fenced: " + why);
  }

  @Override
  public String name() {
    return "fenced";
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    return refused();
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return refused();
  }

  @Override
  public CompletableFuture<Void> flush() {
    return refused();
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return refused();
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return refused();
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return refused();
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    return refused();
  }
}
