package dev.wherry.path.map;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Looks at a map's file through some memory, however long the file is: best forwards or backwards,
 * bit by bit. For one thread.
 */
final class Window {
  /** Bytes at least: a frame of a checkpoint, which is read twice, and more. */
  static final int SIZE = (1 << 20) + (1 << 16);

  private final MapFile file;
  private final long length;
  private ByteBuffer bytes = ByteBuffer.allocate(0);
  private long start;

  /**
   * Looks at the first bytes of a file.
   *
   * @param length as many
   */
  Window(MapFile file, long length) {
    this.file = file;
    this.length = length;
  }

  long length() {
    return length;
  }

  /**
   * A part of the file, from the buffer's position to its limit. Holds until the next call.
   *
   * @param from in bytes
   * @param wanted bytes that are in the file from there on
   */
  ByteBuffer at(long from, int wanted) throws IOException {
    if (from < start || from + wanted > start + bytes.capacity()) {
      move(from, wanted);
    }
    int position = (int) (from - start);
    return bytes.limit(position + wanted).position(position);
  }

  private void move(long from, int wanted) throws IOException {
    int size = (int) Math.min(length, Math.max(SIZE, wanted));
    // Who goes backwards finds next what is before.
    start = from < start ? Math.max(0, from + wanted - size) : Math.min(from, length - size);
    if (bytes.capacity() != size) {
      bytes = ByteBuffer.allocateDirect(size);
    }
    file.read(start, bytes.clear());
  }
}
