package dev.wherry.path.shared;

import dev.wherry.path.map.FileMapFile;
import dev.wherry.path.map.ForwardingMapFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A map's file that is, after a loss of power, as it was when it was last forced. */
final class ForcedMapFile extends ForwardingMapFile {
  private final Path path;
  private byte[] durable;
  private boolean dark;

  /**
   * @param before the same file, as it was open before; null if it was not
   */
  ForcedMapFile(Path path, @Nullable ForcedMapFile before) throws IOException {
    super(FileMapFile.open(path));
    this.path = path;
    durable = before == null ? Files.readAllBytes(path) : before.durable;
  }

  /** Nothing becomes durable any more. */
  void cutPower() {
    dark = true;
  }

  /** The file is closed. */
  void restorePower() {
    try {
      if (Files.exists(path)) {
        Files.write(path, durable);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void keep() throws IOException {
    if (!dark) {
      durable = Files.readAllBytes(path);
    }
  }

  @Override
  public void force() throws IOException {
    file.force();
    keep();
  }

  @Override
  public void swap() throws IOException {
    file.swap();
    keep();
  }
}
