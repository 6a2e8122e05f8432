package dev.wherry.daemon.share;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.map.FileMapFile;
import dev.wherry.path.map.JournaledMap;
import dev.wherry.path.map.MapFile;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Maps in journal files. Blocks. */
final class JournalFormat implements MapFiles.Format {
  /** How long the store may take for one of the reads after a crash. */
  private static final Duration READ_LIMIT = Duration.ofSeconds(30);

  private final Executor workers;

  /**
   * @param workers for the maps' file I/O
   */
  JournalFormat(Executor workers) {
    this.workers = workers;
  }

  @Override
  public BlockMap create(Path file, long size, int blockSize, int state) throws IOException {
    long blocks = (size - 1) / blockSize + 1;
    List<JournaledMap.Run> initial =
        state == BlockMap.NOT_HERE ? List.of() : List.of(new JournaledMap.Run(0, blocks, state));
    // No state refers to it: it is what a crash left.
    Files.deleteIfExists(file);
    MapFile opened = FileMapFile.open(file);
    try {
      return JournaledMap.create(opened, blockSize, size, initial, workers);
    } catch (IOException | RuntimeException e) {
      opened.close();
      throw e;
    }
  }

  @Override
  public BlockMap open(Path file, long size, int blockSize, BlockDevice store) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException("it is missing");
    }
    MapFile opened = FileMapFile.open(file);
    try {
      return JournaledMap.open(
          opened, blockSize, size, (offset, into) -> read(store, offset, into), workers);
    } catch (IOException | RuntimeException e) {
      opened.close();
      throw e;
    }
  }

  private static void read(BlockDevice store, long offset, ByteBuffer into) throws IOException {
    try {
      ByteBuf data =
          store.read(offset, into.remaining()).get(READ_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
      try {
        data.readBytes(into);
      } finally {
        data.release();
      }
    } catch (ExecutionException e) {
      throw new IOException(store.describe() + ": " + e.getCause().getMessage(), e.getCause());
    } catch (TimeoutException e) {
      throw new IOException(
          store.describe() + " was not read within " + READ_LIMIT.toSeconds() + " s", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException().initCause(e);
    }
  }
}
