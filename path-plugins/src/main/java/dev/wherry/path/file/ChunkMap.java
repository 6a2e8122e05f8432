package dev.wherry.path.file;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * What is known of the chunks of a file, yes or not known: one bit per MiB (more for files above 16
 * TiB, so that the map never takes more than 2 MiB). Starts with nothing known.
 *
 * <p>{@link #covers} may be called on any thread and does not block.
 */
final class ChunkMap {
  private static final int MIN_SHIFT = 20;
  private static final long MAX_CHUNKS = 1L << 24;

  private final long size;
  private final int shift;
  private final AtomicLongArray bits;
  private long clears;

  /**
   * @param size of the file in bytes
   */
  ChunkMap(long size) {
    int chosen = MIN_SHIFT;
    while ((size >> chosen) >= MAX_CHUNKS) {
      chosen++;
    }
    this.size = size;
    this.shift = chosen;
    this.bits = new AtomicLongArray((int) (((size >> chosen) + 64) >> 6));
  }

  /** Is every chunk of the range known? */
  boolean covers(long offset, long length) {
    long last = (offset + length - 1) >> shift;
    for (long chunk = offset >> shift; chunk <= last; chunk++) {
      if ((bits.getPlain((int) (chunk >> 6)) & (1L << chunk)) == 0) {
        return false;
      }
    }
    return true;
  }

  /** The start of the first chunk of the range that is not known, or -1. */
  long firstUnknown(long offset, long length) {
    long last = (offset + length - 1) >> shift;
    for (long chunk = offset >> shift; chunk <= last; chunk++) {
      if ((bits.get((int) (chunk >> 6)) & (1L << chunk)) == 0) {
        return chunk << shift;
      }
    }
    return -1;
  }

  /** Changes whenever something is forgotten: ask before looking at the file. */
  synchronized long clears() {
    return clears;
  }

  /**
   * Notes all chunks from {@code start}, which begins a chunk, to {@code end}, unless something was
   * forgotten since {@code clearsBefore}. Chunks that are not covered wholly do not count; the last
   * one ends with the file.
   */
  synchronized void learn(long start, long end, long clearsBefore) {
    if (clears != clearsBefore) {
      return;
    }
    long limit = end >= size ? chunks() : end >> shift;
    for (long chunk = start >> shift; chunk < limit; chunk++) {
      int word = (int) (chunk >> 6);
      bits.set(word, bits.get(word) | (1L << chunk));
    }
  }

  /** Bytes of a chunk. */
  long chunk() {
    return 1L << shift;
  }

  /** Forgets the chunks that a range touches: call it before it can be untrue. */
  synchronized void forget(long offset, long length) {
    clears++;
    long last = Math.min(chunks() - 1, (offset + length - 1) >> shift);
    for (long chunk = offset >> shift; chunk <= last; chunk++) {
      int word = (int) (chunk >> 6);
      bits.set(word, bits.get(word) & ~(1L << chunk));
    }
  }

  private long chunks() {
    return size == 0 ? 0 : ((size - 1) >> shift) + 1;
  }
}
