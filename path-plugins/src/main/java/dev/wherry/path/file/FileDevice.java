package dev.wherry.path.file;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.DeviceException;
import dev.wherry.path.io.Blocking;
import dev.wherry.path.io.Errno;
import dev.wherry.path.io.IoEngine;
import dev.wherry.path.io.Posix;
import dev.wherry.path.io.PosixException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A regular file or a block device of this host.
 *
 * <p>Requests run together run in any order, as NBD allows: there are no locks between them. The
 * page cache is used, so every offset and length is fine. When data may not have reached the medium
 * (fdatasync or a durable write failed), nobody can tell which data that is: from then on every
 * request fails with EIO until the device is opened anew.
 */
public final class FileDevice implements BlockDevice {
  private static final Logger LOG = LoggerFactory.getLogger(FileDevice.class);

  private final OpenFile file;
  private final Medium medium;
  private final IoEngine engine;
  private final Blocking pool;
  private final InlineReads reads;
  private final InlineWrites writes;
  private final @Nullable SendGate sends;
  private final DurableGroup durable;
  private final FlushQueue<Integer> flushes;
  private final Slices slices;
  private final AtomicReference<@Nullable NbdException> broken = new AtomicReference<>();
  private final AtomicBoolean closing = new AtomicBoolean();
  private final CompletableFuture<Void> closed = new CompletableFuture<>();
  private volatile ExportInfo info;
  private volatile boolean usable = true;
  private volatile boolean durableWrites = true;

  FileDevice(OpenFile file, Medium medium, ExportInfo info, IoEngine engine, Blocking pool) {
    this.file = file;
    this.medium = medium;
    this.info = info;
    this.engine = engine;
    this.pool = pool;
    this.reads = new InlineReads(file.fd(), file.inlineReads());
    this.writes =
        new InlineWrites(file.fd(), file.inlineReads() == InlineReads.Way.MEMORY, System::nanoTime);
    SharedChannel channel = file.channel();
    this.sends = channel == null ? null : new SendGate(channel, medium, pool, info.size());
    this.durable = new DurableGroup(broken::get);
    this.flushes = new FlushQueue<>(file.syncDescriptors(), this::sync);
    // Punching 128 MiB of cached data takes some 10 ms (measured on 2 cores, ext4).
    this.slices = new Slices(pool, 128 << 20);
  }

  /**
   * Creates a sparse file that reads as zeroes, durably. Blocks.
   *
   * @param size in bytes
   * @throws DeviceException if the path exists, or cannot be created
   */
  public static void create(Path path, long size) {
    FileOpener.create(path, size);
  }

  /**
   * Opens a regular file or a block device, and locks it against other users. Any thread; completes
   * on the worker pool.
   *
   * @return fails with {@link DeviceException}
   */
  public static CompletableFuture<BlockDevice> open(Path path, DeviceContext context) {
    return FileOpener.open(path, context);
  }

  @Override
  public ExportInfo info() {
    return info;
  }

  @Override
  public String describe() {
    return file.path();
  }

  /** For metrics. */
  public String engine() {
    return engine.name();
  }

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    if (!usable) {
      return false;
    }
    if (reads.tryRead(offset, length, into, file.residency())) {
      return true;
    }
    readsFromDevice(offset, length);
    return false;
  }

  private void readsFromDevice(long offset, long length) {
    if (sends != null) {
      sends.unsettle(offset, length);
    }
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    return usable && !info.readOnly() && writes.tryWrite(offset, data, file.residency());
  }

  @Override
  public @Nullable FileSlice trySend(long offset, int length) {
    return usable && sends != null ? sends.trySend(offset, length, file.residency()) : null;
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    if (!usable) {
      return refused();
    }
    readsFromDevice(offset, length);
    ByteBuf into = ByteBufAllocator.DEFAULT.directBuffer(length, length);
    CompletableFuture<ByteBuf> result = new CompletableFuture<>();
    engine
        .read(file.fd(), offset, into, length)
        .whenComplete(
            (done, failure) -> {
              if (failure != null) {
                into.release();
                result.completeExceptionally(told("read", offset, length, failure));
              } else if (!result.complete(into.writerIndex(length))) {
                into.release();
              }
            });
    return result;
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    if (!usable || info.readOnly()) {
      return refused();
    }
    boolean fua = (flags & FUA) != 0;
    if (fua && durableWrites) {
      return durable
          .run(() -> durableWrite(offset, data))
          .thenCompose(
              known ->
                  known
                      ? CompletableFuture.<Void>completedFuture(null)
                      : write(offset, data, flags));
    }
    int length = data.readableBytes();
    CompletableFuture<Void> written =
        engine
            .write(file.fd(), offset, data, 0)
            .handle((done, failure) -> orThrow("write", offset, length, failure));
    return fua ? written.thenCompose(done -> flush()) : written;
  }

  /**
   * Writes with RWF_DSYNC. "No space" can come from the write, which then had no effect, or from
   * making it durable; a plain write tells which, and in the latter case the device is broken.
   *
   * @return false where there are no durable writes
   */
  private CompletableFuture<Boolean> durableWrite(long offset, ByteBuf data) {
    int length = data.readableBytes();
    return engine
        .write(file.fd(), offset, data, Posix.RWF_DSYNC)
        .handle(
            (done, failure) -> {
              int errno = errnoOf(failure);
              if (errno == Errno.EOPNOTSUPP) {
                durableWrites = false;
                return CompletableFuture.completedFuture(false);
              }
              if (failure == null) {
                return CompletableFuture.completedFuture(true);
              }
              if (Errno.toNbd(errno) != NbdError.ENOSPC) {
                throw breakDown("a durable write", failure);
              }
              return engine
                  .write(file.fd(), offset, data, 0)
                  .<Boolean>handle(
                      (again, failedAgain) -> {
                        if (failedAgain == null) {
                          throw breakDown("a durable write", failure);
                        }
                        throw told("write", offset, length, failedAgain);
                      });
            })
        .thenCompose(next -> next);
  }

  @Override
  public CompletableFuture<Void> flush() {
    return usable ? flushes.flush() : refused();
  }

  private CompletableFuture<Void> sync(int descriptor) {
    NbdException failed = broken.get();
    if (failed != null) {
      return CompletableFuture.failedFuture(failed);
    }
    return engine
        .sync(descriptor)
        .handle(
            (done, failure) -> {
              if (failure != null) {
                throw breakDown("a flush", failure);
              }
              return null;
            });
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    if (!usable || info.readOnly()) {
      return refused();
    }
    return allocate("trim", offset, length, flags, medium::nextData, medium::trim);
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    if (!usable || info.readOnly()) {
      return refused();
    }
    boolean mayPunch = (flags & NO_HOLE) == 0;
    boolean fast = (flags & FAST_ZERO) != 0;
    Slices.Reach reach = mayPunch ? medium::nextData : at -> at;
    Slices.Step step = (at, run) -> medium.zero(at, run, mayPunch, fast);
    return allocate("zero", offset, length, flags, reach, step);
  }

  private CompletableFuture<Void> allocate(
      String what, long offset, long length, int flags, Slices.Reach reach, Slices.Step step) {
    if (length == 0) {
      return (flags & FUA) != 0 ? flush() : CompletableFuture.completedFuture(null);
    }
    if (sends != null && medium.sparse()) {
      sends.forget(offset, length);
    }
    writes.allocationBegins();
    CompletableFuture<Void> done =
        slices
            .run(offset, length, reach, step)
            .handle(
                (nothing, failure) -> {
                  writes.allocationEnds();
                  return orThrow(what, offset, length, failure);
                });
    return (flags & FUA) != 0 ? done.thenCompose(nothing -> flush()) : done;
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    if (!usable) {
      return refused();
    }
    if (length == 0) {
      return CompletableFuture.completedFuture(null);
    }
    readsFromDevice(offset, length);
    return slices
        .run(offset, length, at -> at, (at, run) -> Posix.willNeed(file.fd(), at, run))
        .exceptionally(failure -> null);
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    if (!usable) {
      return refused();
    }
    if (!context.equals(Extent.BASE_ALLOCATION)) {
      return CompletableFuture.failedFuture(
          new NbdException(NbdError.EINVAL, "no metadata context " + context));
    }
    return pool.call(() -> medium.extents(offset, length, maxExtents))
        .handle(
            (extents, failure) -> {
              orThrow("status", offset, length, failure);
              return extents;
            });
  }

  @Override
  public CompletableFuture<Void> resize(long size) {
    if (!usable || info.readOnly()) {
      return refused();
    }
    return pool.call(
            () -> {
              medium.resize(size);
              file.resized(size);
              if (sends != null) {
                sends.resized(size);
              }
              info = info.withSize(size);
              return (Void) null;
            })
        .handle((done, failure) -> orThrow("resize", 0, size, failure));
  }

  @Override
  public CompletableFuture<Void> close() {
    if (closing.compareAndSet(false, true)) {
      usable = false;
      CompletableFuture<Void> idle =
          sends == null ? CompletableFuture.completedFuture(null) : sends.idle();
      idle.thenCompose(nothing -> pool.call(this::release))
          .whenComplete(
              (done, failure) -> {
                if (failure != null) {
                  closed.completeExceptionally(failure);
                } else {
                  closed.complete(null);
                }
              });
    }
    return closed.copy();
  }

  private Void release() throws PosixException {
    if (sends != null) {
      sends.close();
    }
    engine.close();
    file.close();
    return null;
  }

  /** Never again: see the class comment. */
  private NbdException breakDown(String what, Throwable cause) {
    NbdException failure =
        new NbdException(
            NbdError.EIO,
            file.path() + ": " + what + " failed, open the device anew: " + cause.getMessage(),
            cause);
    if (broken.compareAndSet(null, failure)) {
      usable = false;
      LOG.error(
          "{}: {} failed, no request is served until it is reopened", file.path(), what, cause);
    }
    return failure;
  }

  private <T> CompletableFuture<T> refused() {
    NbdException failure = broken.get();
    if (failure == null) {
      failure =
          closing.get()
              ? new NbdException(NbdError.EIO, file.path() + ": closed")
              : new NbdException(NbdError.EPERM, file.path() + ": open for reading only");
    }
    return CompletableFuture.failedFuture(failure);
  }

  private @Nullable Void orThrow(
      String what, long offset, long length, @Nullable Throwable failure) {
    if (failure != null) {
      throw told(what, offset, length, failure);
    }
    return null;
  }

  private NbdException told(String what, long offset, long length, Throwable failure) {
    String where = file.path() + ": " + what + " of " + length + " bytes at " + offset;
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    if (cause instanceof PosixException posix) {
      return posix.toNbd(where);
    }
    return new NbdException(NbdError.EIO, where + ": " + cause, cause);
  }

  private static int errnoOf(@Nullable Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof PosixException posix ? posix.errno() : 0;
  }
}
