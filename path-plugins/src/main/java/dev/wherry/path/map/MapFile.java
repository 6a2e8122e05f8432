package dev.wherry.path.map;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The file that a map is kept in, as far as a map needs one; a test has one that forgets what was
 * not forced. Methods block; each is called by one thread at a time, {@link #append} also while
 * {@link #force} runs.
 */
public interface MapFile extends AutoCloseable {
  /** Everything in it. */
  ByteBuffer read() throws IOException;

  /** Adds to the end. In the page cache when it returns. */
  void append(ByteBuffer bytes) throws IOException;

  /** Makes durable what was appended before. */
  void force() throws IOException;

  /**
   * Puts all of it in place of what is there, durably, as one: after a crash it is the one or the
   * other.
   */
  void replace(ByteBuffer bytes) throws IOException;

  @Override
  void close() throws IOException;
}
