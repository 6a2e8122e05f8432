package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A {@link BatchLog} in a file system, made when it is first written. It takes no more than there
 * is room for: what is here will be written to the store once more, so as much again has to be
 * free, and what is booked for others is not. Where that is not so a write fails with ENOSPC.
 */
public final class FileBatchLog implements BatchLog {
  /** What the name of a file that was set aside ends with. */
  public static final String DAMAGED = ".damaged";

  /** Bytes that are written before it asks again what is booked. */
  private static final long ASK_BYTES = 64 << 20;

  private final Path path;
  private final Executor worker;
  private final Booked booked;
  private @Nullable FileChannel channel;
  private @Nullable FileStore system;
  private long taken;
  private long asked = Long.MAX_VALUE;

  /** What of a file system is free and not to be taken. Blocks. */
  @FunctionalInterface
  public interface Booked {
    /** Bytes of the file system that are promised to others. */
    long in(FileStore system) throws IOException;
  }

  /** What is done with the file. */
  private interface Work<T> {
    T on(FileChannel file) throws IOException;
  }

  /**
   * @param worker runs what blocks
   * @param booked asked before a batch is written, and from time to time meanwhile
   */
  public FileBatchLog(Path path, Executor worker, Booked booked) {
    this.path = path;
    this.worker = worker;
    this.booked = booked;
  }

  private <T> CompletableFuture<T> run(Work<T> work, @Nullable Supplier<T> none) {
    try {
      return CompletableFuture.supplyAsync(() -> now(work, none), worker);
    } catch (RejectedExecutionException e) {
      return Answers.failed(NbdError.ESHUTDOWN, path + " is not used any more");
    }
  }

  /**
   * Does it now.
   *
   * @param none what comes of it where there is no file; null: it is made
   */
  private synchronized <T> T now(Work<T> work, @Nullable Supplier<T> none) {
    try {
      FileChannel file = channel;
      if (file == null && none != null && Files.notExists(path)) {
        return none.get();
      }
      if (file == null) {
        file =
            FileChannel.open(
                path, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE);
        channel = file;
        force(path.toAbsolutePath().getParent());
      }
      return work.on(file);
    } catch (IOException e) {
      throw new CompletionException(
          new NbdException(
              String.valueOf(e.getMessage()).contains("No space left")
                  ? NbdError.ENOSPC
                  : NbdError.EIO,
              path + ": " + e.getMessage(),
              e));
    }
  }

  /** So that a file that is new is there after a power cut. */
  private static void force(@Nullable Path directory) throws IOException {
    if (directory != null) {
      try (FileChannel d = FileChannel.open(directory, StandardOpenOption.READ)) {
        d.force(true);
      }
    }
  }

  private static @Nullable Void nothing() {
    return null;
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    return run(
        file -> {
          ByteBuf data = ByteBufAllocator.DEFAULT.buffer(length);
          try {
            long at = offset;
            for (int got = 0; got >= 0 && data.writableBytes() > 0; at += got) {
              got = data.writeBytes(file, at, length - data.readableBytes());
            }
            return data;
          } catch (IOException | RuntimeException e) {
            data.release();
            throw e;
          }
        },
        () -> ByteBufAllocator.DEFAULT.buffer(0));
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data) {
    CompletableFuture<Void> done =
        run(
            file -> {
              requireRoom(file.size(), offset + data.readableBytes());
              long at = offset;
              while (data.isReadable()) {
                at += data.readBytes(file, at, data.readableBytes());
              }
              return nothing();
            },
            null);
    return done.whenComplete((v, failure) -> data.release());
  }

  /**
   * Refuses a write that leaves no room for the store.
   *
   * @param size of the file
   * @param end of it with what is to be written
   */
  private void requireRoom(long size, long end) throws IOException {
    if (end <= size) {
      return;
    }
    FileStore on = system;
    if (on == null) {
      on = Files.getFileStore(path);
      system = on;
    }
    if (end < asked || end - asked > ASK_BYTES) {
      taken = booked.in(on);
      asked = end;
    }
    long free = Math.max(0, on.getUsableSpace() - taken);
    long needed = end - size + end;
    if (needed > free) {
      // What is booked is asked for again the next time.
      asked = Long.MAX_VALUE;
      throw new NbdException(
          NbdError.ENOSPC,
          path
              + ": a batch of "
              + end
              + " bytes needs "
              + needed
              + " more, here and in the store; "
              + free
              + " are free"
              + (taken > 0 ? " and " + taken + " are booked for other volumes" : ""));
    }
  }

  @Override
  public CompletableFuture<Void> force() {
    return run(
        file -> {
          file.force(false);
          return nothing();
        },
        FileBatchLog::nothing);
  }

  @Override
  public CompletableFuture<Void> truncate(long length) {
    return run(
        file -> {
          file.truncate(length);
          return nothing();
        },
        FileBatchLog::nothing);
  }

  @Override
  public CompletableFuture<String> setAside(long offset, ByteBuf data) {
    CompletableFuture<String> done = run(file -> setAsideNow(file, offset, data), null);
    return done.whenComplete((v, failure) -> data.release());
  }

  /** The file has two names for a moment, so that its own one is never missing. */
  private String setAsideNow(FileChannel file, long offset, ByteBuf data) throws IOException {
    Path kept = path.resolveSibling(path.getFileName() + DAMAGED);
    Path fresh = path.resolveSibling(path.getFileName() + ".new");
    try (FileChannel next =
        FileChannel.open(
            fresh,
            StandardOpenOption.WRITE,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      long at = offset;
      while (data.isReadable()) {
        at += data.readBytes(next, at, data.readableBytes());
      }
      next.force(true);
    }
    Files.deleteIfExists(kept);
    Files.createLink(kept, path);
    Files.move(fresh, path, StandardCopyOption.ATOMIC_MOVE);
    force(path.toAbsolutePath().getParent());
    file.close();
    channel = null;
    return kept.toString();
  }

  @Override
  public CompletableFuture<Void> close() {
    CompletableFuture<Void> done = new CompletableFuture<>();
    try {
      worker.execute(
          () -> {
            try {
              closeNow();
              done.complete(null);
            } catch (IOException e) {
              done.completeExceptionally(
                  new NbdException(NbdError.EIO, path + ": " + e.getMessage(), e));
            }
          });
    } catch (RejectedExecutionException e) {
      done.completeExceptionally(
          new NbdException(NbdError.ESHUTDOWN, path + " is not used any more"));
    }
    return done;
  }

  private synchronized void closeNow() throws IOException {
    FileChannel file = channel;
    if (file != null) {
      file.close();
    }
  }

  @Override
  public String toString() {
    return path.toString();
  }
}
