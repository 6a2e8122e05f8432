package dev.wherry.daemon.share;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.map.BlockMap;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Executor;

/** Maps in journal files. Blocks. */
final class JournalFormat implements MapFiles.Format {
  private final Executor workers;

  /**
   * @param workers for the maps' file I/O
   */
  JournalFormat(Executor workers) {
    this.workers = workers;
  }

  @Override
  public BlockMap create(Path file, long size, int blockSize, int state) throws IOException {
    throw new IOException("this version keeps no block maps " + workers);
  }

  @Override
  public BlockMap open(Path file, long size, int blockSize, BlockDevice store) throws IOException {
    throw new IOException("this version keeps no block maps");
  }
}
