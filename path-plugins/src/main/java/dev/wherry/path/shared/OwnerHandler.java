package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Serves hosts from this node's store, and takes back from the standbys what hosts overwrite:
 * always before the host is answered.
 */
final class OwnerHandler extends RoleHandler {
  private final Core core;
  private final PresentRole role;
  private final LayeredStore store;
  private final String name;

  OwnerHandler(Core core, PresentRole role, LayeredStore store, String name) {
    super(core.suid(), core.size());
    this.core = core;
    this.role = role;
    this.store = store;
    this.name = name;
  }

  @Override
  public String name() {
    return name;
  }

  private CompletableFuture<Void> changed(CompletableFuture<Void> done, long offset, long length) {
    long from = offset / store.blockSize();
    long end = (offset + length + store.blockSize() - 1) / store.blockSize();
    if (done.isDone()) {
      core.marks().changed(from, end);
      core.foreground().increment();
      return done;
    }
    return done.whenComplete(
        (v, failure) -> {
          core.marks().changed(from, end);
          core.foreground().increment();
        });
  }

  /**
   * Takes note if a change fails that was to be durable. Any error but EIO says that it was not
   * done, and nothing of what was done before.
   */
  private CompletableFuture<Void> noted(CompletableFuture<Void> done, int flags) {
    return (flags & FUA) == 0
        ? done
        : done.whenComplete(
            (v, failure) -> {
              if (failure != null && NbdException.errorOf(failure) == NbdError.EIO) {
                core.losses().failedToFlush(failure);
              }
            });
  }

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    if (!store.tryRead(offset, length, into)) {
      return false;
    }
    core.foreground().increment();
    return true;
  }

  @Override
  public @Nullable FileSlice trySend(long offset, int length) {
    FileSlice slice = store.trySend(offset, length);
    if (slice != null) {
      core.foreground().increment();
    }
    return slice;
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    boolean done = role.writer().isLocal() && store.tryWrite(offset, data);
    if (done) {
      long end = offset + data.readableBytes() + store.blockSize() - 1;
      core.marks().changed(offset / store.blockSize(), end / store.blockSize());
      core.foreground().increment();
    }
    return done;
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    return store.read(offset, length).whenComplete((v, failure) -> core.foreground().increment());
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return changed(
        noted(role.writer().write(offset, data, flags), flags), offset, data.readableBytes());
  }

  @Override
  public CompletableFuture<Void> flush() {
    return core.losses().counting(role.writer().flush());
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return changed(noted(role.writer().trim(offset, length, flags), flags), offset, length);
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return changed(noted(role.writer().zero(offset, length, flags), flags), offset, length);
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return store.cache(offset, length);
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    return switch (context) {
      case Extent.BASE_ALLOCATION -> store.extents("", offset, length, maxExtents);
      case BlockState.CONTEXT ->
          CompletableFuture.completedFuture(store.states(offset, length, maxExtents));
      default -> Answers.unknownContext(context);
    };
  }
}
