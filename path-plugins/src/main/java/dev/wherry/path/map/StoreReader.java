package dev.wherry.path.map;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Reads a store while nobody else uses it, for {@link JournaledMap#open}. Blocks. */
@FunctionalInterface
public interface StoreReader {
  /**
   * Fills the buffer with the store's bytes from an offset on.
   *
   * @param into as long as the bytes asked for; never reaches past the store's end
   */
  void read(long offset, ByteBuffer into) throws IOException;
}
