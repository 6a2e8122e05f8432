package dev.wherry.path.shared;

import dev.wherry.path.map.FileMapFile;
import dev.wherry.path.map.ForwardingMapFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A map's file that is, after a loss of power, as it was when it was last forced, in a file system
 * that has no room for more while a test says so.
 */
final class ForcedMapFile extends ForwardingMapFile {
  private final Path path;
  private byte[] durable;
  private final BooleanSupplier full;
  private boolean dark;

  /**
   * @param before the same file, as it was open before; null if it was not
   * @param full whether there is no room for more
   */
  ForcedMapFile(Path path, @Nullable ForcedMapFile before, BooleanSupplier full)
      throws IOException {
    super(FileMapFile.open(path));
    this.path = path;
    this.full = full;
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

  private void expectRoom() throws IOException {
    if (full.getAsBoolean()) {
      throw new IOException("No space left on device");
    }
  }

  @Override
  public void append(ByteBuffer bytes) throws IOException {
    expectRoom();
    file.append(bytes);
  }

  @Override
  public void prepare(ByteBuffer bytes) throws IOException {
    expectRoom();
    file.prepare(bytes);
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
