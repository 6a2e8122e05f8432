package dev.wherry.path.shared.model;

import dev.wherry.path.map.ForwardingMapFile;
import dev.wherry.path.map.MapFile;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Keeps what is appended until it is forced. */
final class LazyFile extends ForwardingMapFile {
  private ByteBuf waiting = Unpooled.buffer();

  LazyFile(MapFile file) {
    super(file);
  }

  private void write() throws IOException {
    ByteBuf all = waiting;
    waiting = Unpooled.buffer();
    file.append(all.nioBuffer());
  }

  @Override
  public void append(ByteBuffer bytes) {
    waiting.writeBytes(bytes);
  }

  @Override
  public void truncate(long length) throws IOException {
    write();
    file.truncate(length);
  }

  @Override
  public void force() throws IOException {
    write();
    file.force();
  }

  @Override
  public void swap() throws IOException {
    waiting.clear();
    file.swap();
  }

  @Override
  public void close() throws IOException {
    write();
    file.close();
  }
}
