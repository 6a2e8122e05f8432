package dev.wherry.path.shared;

import dev.wherry.path.map.FileMapFile;
import dev.wherry.path.map.ForwardingMapFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** A map's file in a file system that has no room for more while a test says so. */
final class CrampedMapFile extends ForwardingMapFile {
  private boolean full;

  CrampedMapFile(Path path) throws IOException {
    super(FileMapFile.open(path));
  }

  void full(boolean value) {
    full = value;
  }

  private void expectRoom() throws IOException {
    if (full) {
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
}
