package dev.wherry.daemon.volume;

import dev.wherry.daemon.process.DataDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The files that the daemon made itself. */
final class BackingFile {
  private BackingFile() {}

  /** Removes the file, durably; no error if there is none. Blocks. */
  static void delete(Path file) throws IOException {
    if (Files.deleteIfExists(file)) {
      DataDirectory.sync(parent(file));
    }
  }

  private static Path parent(Path file) {
    Path parent = file.getParent();
    return parent == null ? Path.of("/") : parent;
  }
}
