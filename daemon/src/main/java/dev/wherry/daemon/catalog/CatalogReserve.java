package dev.wherry.daemon.catalog;

import dev.wherry.daemon.process.DataDirectory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Room on the disk that is kept for the catalog: a file that is full of nothing, and is made
 * shorter when the disk is full. So the disk that hosts have filled does not keep a volume from
 * being given to a node that has room. The catalog's thread alone; blocks.
 */
final class CatalogReserve implements CatalogWriter.Reserve {
  /** What is kept. */
  static final int BYTES = 1 << 20;

  /** What is given up at a time: several changes find room, whoever else takes some of it. */
  static final int STEP = BYTES / 4;

  /** As long as less is free, what was given up is not taken back. */
  private static final long PLENTY = 16L * BYTES;

  private static final Logger log = LoggerFactory.getLogger(CatalogReserve.class);

  private final Path file;

  CatalogReserve(DataDirectory data) {
    this.file = data.catalogReserve();
  }

  @Override
  public boolean giveUp() {
    try (FileChannel f = FileChannel.open(file, StandardOpenOption.WRITE)) {
      long size = f.size();
      if (size == 0) {
        return false;
      }
      f.truncate(Math.max(0, size - STEP));
      f.force(true);
      log.warn("the disk is full: the catalog takes from the room that was kept for it");
      return true;
    } catch (IOException none) {
      log.debug("no room is kept for the catalog", none);
      return false;
    }
  }

  @Override
  public boolean refill() {
    try {
      if (Files.exists(file) && Files.size(file) >= BYTES) {
        return true;
      }
      if (Files.getFileStore(file.toAbsolutePath().getParent()).getUsableSpace() < PLENTY) {
        return false;
      }
      try (FileChannel f =
          FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.CREATE)) {
        // Not zeroes: file systems know how not to store those.
        byte[] filling = new byte[BYTES];
        java.util.Arrays.fill(filling, (byte) 'w');
        for (ByteBuffer b = ByteBuffer.wrap(filling); b.hasRemaining(); ) {
          f.write(b, b.position());
        }
        f.force(true);
      }
      return true;
    } catch (IOException e) {
      log.debug("no room can be kept for the catalog now", e);
      return false;
    }
  }
}
