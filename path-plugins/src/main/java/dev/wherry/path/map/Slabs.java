package dev.wherry.path.map;

import dev.wherry.path.io.Posix;
import dev.wherry.path.io.PosixException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * Memory for pages of 4 KiB, outside the heap and outside the limit of direct buffers: mapped from
 * memory files of 16 MiB, of which only what is touched takes memory. Given back for good when the
 * last user is garbage.
 *
 * <p>{@link #buffer} is safe on any thread for a page that the thread may know; the rest is for one
 * thread at a time.
 */
final class Slabs {
  /** Bytes of a page. */
  static final int PAGE = 4096;

  private static final int SLAB_SHIFT = 12;
  private static final int PAGES_PER_SLAB = 1 << SLAB_SHIFT;

  private volatile ByteBuffer[] slabs = new ByteBuffer[0];
  private int[] free = new int[16];
  private int freeCount;
  private int used;

  /** A page's number. What it holds is undefined. */
  int allocate() {
    if (freeCount > 0) {
      return free[--freeCount];
    }
    if (used >> SLAB_SHIFT == slabs.length) {
      ByteBuffer[] more = Arrays.copyOf(slabs, slabs.length + 1);
      more[slabs.length] = map();
      slabs = more;
    }
    return used++;
  }

  void release(int page) {
    if (freeCount == free.length) {
      free = Arrays.copyOf(free, freeCount * 2);
    }
    free[freeCount++] = page;
  }

  /** Pages in use. */
  int inUse() {
    return used - freeCount;
  }

  ByteBuffer buffer(int page) {
    return slabs[page >> SLAB_SHIFT];
  }

  /** Where the page starts in its buffer. */
  static int offset(int page) {
    return (page & (PAGES_PER_SLAB - 1)) * PAGE;
  }

  private static ByteBuffer map() {
    try {
      int fd = Posix.memory("wherry-block-map");
      try (FileChannel channel =
          FileChannel.open(
              Path.of("/proc/self/fd/" + fd), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        MappedByteBuffer slab = channel.map(MapMode.READ_WRITE, 0, (long) PAGES_PER_SLAB * PAGE);
        return slab.order(ByteOrder.nativeOrder());
      } finally {
        Posix.close(fd);
      }
    } catch (PosixException e) {
      throw new UncheckedIOException(
          "no memory for a block map's pages", new IOException(e.getMessage(), e));
    } catch (IOException e) {
      throw new UncheckedIOException("no memory for a block map's pages", e);
    }
  }
}
