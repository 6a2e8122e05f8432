package dev.wherry.path.map;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Memory for pages of 4 KiB, outside the heap and outside the limit of direct buffers: mapped from
 * a memory file, 16 MiB at a time, of which only what is touched takes memory.
 *
 * <pre>
 *   in use --release--&gt; warm: free, has memory --surplus, punch, cooled--&gt; cold: free, has none
 *      ^                  |                                                 |
 *      +-----allocate-----+-------------------------------------------------+
 * </pre>
 *
 * <p>All is given back when the last user is garbage, or by {@link #close}.
 *
 * <p>{@link #buffer} is safe on any thread for a page that the thread may know, {@link #punch} for
 * what {@link #surplus} gave to it; the rest is for one thread at a time.
 */
final class Slabs implements AutoCloseable {
  /** Bytes of a page. */
  static final int PAGE = 4096;

  /** As many free pages keep their memory: 1 MiB. */
  static final int WARM = 256;

  private static final int SLAB_SHIFT = 12;
  private static final int PAGES_PER_SLAB = 1 << SLAB_SHIFT;

  /** A stack of page numbers. */
  private static final class Stack {
    private int[] pages = new int[16];
    private int size;

    void push(int page) {
      if (size == pages.length) {
        pages = Arrays.copyOf(pages, size * 2);
      }
      pages[size++] = page;
    }

    int pop() {
      return pages[--size];
    }

    /** Takes all but those that came last. */
    int[] takeAllBut(int left) {
      int[] taken = Arrays.copyOf(pages, size - left);
      pages = Arrays.copyOfRange(pages, size - left, size + 1);
      size = left;
      return taken;
    }
  }

  private volatile ByteBuffer[] slabs = new ByteBuffer[0];
  private @Nullable MemoryFile file;
  private final Stack warm = new Stack();
  private final Stack cold = new Stack();
  private int used;
  private int cooling;

  /** A page's number. What it holds is undefined. */
  int allocate() {
    if (warm.size > 0) {
      return warm.pop();
    }
    if (cold.size > 0) {
      return cold.pop();
    }
    if (used >> SLAB_SHIFT == slabs.length) {
      ByteBuffer[] more = Arrays.copyOf(slabs, slabs.length + 1);
      more[slabs.length] = map(slabs.length);
      slabs = more;
    }
    return used++;
  }

  void release(int page) {
    warm.push(page);
  }

  /** Pages in use. */
  int inUse() {
    return used - warm.size - cold.size - cooling;
  }

  /** Bytes of memory that all this takes. */
  long taken() throws IOException {
    return file == null ? 0 : file.taken();
  }

  ByteBuffer buffer(int page) {
    return slabs[page >> SLAB_SHIFT];
  }

  /** Where the page starts in its buffer. */
  static int offset(int page) {
    return (page & (PAGES_PER_SLAB - 1)) * PAGE;
  }

  /**
   * Takes free pages away whose memory is to be given back, if they are worth it: they go to {@link
   * #punch} and then to {@link #cooled}.
   */
  int[] surplus() {
    int[] taken = warm.size < 2 * WARM ? new int[0] : warm.takeAllBut(WARM);
    cooling += taken.length;
    return taken;
  }

  /** Gives the memory of pages back. A reader that is late may find zeroes in them. */
  void punch(int[] pages) {
    MemoryFile from = file;
    if (from == null) {
      return;
    }
    Arrays.sort(pages);
    for (int i = 0; i < pages.length; ) {
      int end = i + 1;
      while (end < pages.length && pages[end] == pages[end - 1] + 1) {
        end++;
      }
      from.punch((long) pages[i] * PAGE, (long) (end - i) * PAGE);
      i = end;
    }
  }

  /** Takes back what {@link #punch} is done with. */
  void cooled(int[] pages) {
    cooling -= pages.length;
    // The lowest last, so that neighbours are used, and given back, together.
    for (int i = pages.length - 1; i >= 0; i--) {
      cold.push(pages[i]);
    }
  }

  private ByteBuffer map(int slab) {
    try {
      MemoryFile from = file;
      if (from == null) {
        from = new MemoryFile();
        file = from;
      }
      long bytes = (long) PAGES_PER_SLAB * PAGE;
      return from.map(slab * bytes, (int) bytes).order(ByteOrder.nativeOrder());
    } catch (IOException e) {
      throw new UncheckedIOException("no memory for a block map's pages", e);
    }
  }

  /** Gives all memory back at once. No other call is running or follows, and nobody reads. */
  @Override
  public void close() {
    if (file != null) {
      file.close();
    }
  }
}
