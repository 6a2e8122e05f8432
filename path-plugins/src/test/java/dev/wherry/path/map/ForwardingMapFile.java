package dev.wherry.path.map;

import java.io.IOException;
import java.nio.ByteBuffer;

/** A map's file that is another one. Subclasses override what they do differently. */
public abstract class ForwardingMapFile implements MapFile {
  protected final MapFile file;

  protected ForwardingMapFile(MapFile file) {
    this.file = file;
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
