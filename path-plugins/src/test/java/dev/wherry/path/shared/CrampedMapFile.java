package dev.wherry.path.shared;

import dev.wherry.path.map.FileMapFile;
import dev.wherry.path.map.MapFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** A map's file in a file system that has no room for more while a test says so. */
final class CrampedMapFile implements MapFile {
  private final MapFile file;
  private boolean full;

  CrampedMapFile(Path path) throws IOException {
    this.file = FileMapFile.open(path);
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
  public long length() throws IOException {
    return file.length();
  }

  @Override
  public void read(long at, ByteBuffer into) throws IOException {
    file.read(at, into);
  }

  @Override
  public void append(ByteBuffer bytes) throws IOException {
    expectRoom();
    file.append(bytes);
  }

  @Override
  public void truncate(long length) throws IOException {
    file.truncate(length);
  }

  @Override
  public void force() throws IOException {
    file.force();
  }

  @Override
  public void prepare(ByteBuffer bytes) throws IOException {
    expectRoom();
    file.prepare(bytes);
  }

  @Override
  public void discard() throws IOException {
    file.discard();
  }

  @Override
  public void swap() throws IOException {
    file.swap();
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
