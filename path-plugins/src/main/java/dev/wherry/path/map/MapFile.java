package dev.wherry.path.map;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The file that a map is kept in, as far as a map needs one; a test has one that forgets what was
 * not forced. Methods block; each is called by one thread at a time. {@link #append} runs beside
 * {@link #force}, and both beside {@link #prepare} and {@link #read}; {@link #swap} runs alone.
 */
public interface MapFile extends AutoCloseable {
  /** Bytes in it. */
  long length() throws IOException;

  /**
   * Fills the buffer from a byte on.
   *
   * @throws IOException if the file ends before, or cannot be read
   */
  void read(long at, ByteBuffer into) throws IOException;

  /** Adds to the end. In the page cache when it returns; if it fails nothing was added. */
  void append(ByteBuffer bytes) throws IOException;

  /** Cuts off what is behind a length; takes no room. Durable after the next {@link #force}. */
  void truncate(long length) throws IOException;

  /** Makes durable what was appended before. */
  void force() throws IOException;

  /** Adds to the end of what is to take this file's place at the next {@link #swap}. */
  void prepare(ByteBuffer bytes) throws IOException;

  /** Forgets what was prepared. */
  void discard() throws IOException;

  /**
   * Puts what was prepared in place of what is there, durably, as one: after a crash it is the one
   * or the other. Where it fails for want of room the old one is there as it was, and what was
   * prepared is to be discarded; otherwise it is not known which one a loss of power leaves.
   */
  void swap() throws IOException;

  @Override
  void close() throws IOException;
}
