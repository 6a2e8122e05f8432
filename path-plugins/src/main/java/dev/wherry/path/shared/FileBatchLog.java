package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/** A {@link BatchLog} in a file system, made when it is first written. */
public final class FileBatchLog implements BatchLog {
  private final Path path;
  private final Executor worker;
  private @Nullable FileChannel channel;

  /** What is done with the file. */
  private interface Work<T> {
    T on(FileChannel file) throws IOException;
  }

  /**
   * @param worker runs what blocks
   */
  public FileBatchLog(Path path, Executor worker) {
    this.path = path;
    this.worker = worker;
  }

  private <T> CompletableFuture<T> run(Work<T> work) {
    try {
      return CompletableFuture.supplyAsync(() -> now(work), worker);
    } catch (RejectedExecutionException e) {
      return Answers.failed(NbdError.ESHUTDOWN, path + " is not used any more");
    }
  }

  private synchronized <T> T now(Work<T> work) {
    try {
      FileChannel file = channel;
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
        });
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data) {
    CompletableFuture<Void> done =
        run(
            file -> {
              long at = offset;
              while (data.isReadable()) {
                at += data.readBytes(file, at, data.readableBytes());
              }
              return nothing();
            });
    return done.whenComplete((v, failure) -> data.release());
  }

  @Override
  public CompletableFuture<Void> force() {
    return run(
        file -> {
          file.force(false);
          return nothing();
        });
  }

  @Override
  public CompletableFuture<Void> truncate(long length) {
    return run(
        file -> {
          file.truncate(length);
          return nothing();
        });
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
