package dev.wherry.path.move;

import dev.wherry.nbd.Extent;
import dev.wherry.path.link.Priority;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Brings blocks here, and knows which are missing: what a {@link Mover} drives. Safe on any thread;
 * never blocks.
 */
public interface Hydrator {
  /** Bytes of a block. */
  int blockSize();

  /** Blocks of the volume. */
  long blocks();

  /** The first block from {@code from} on that is to be moved, or {@link #blocks()}. */
  long nextMissing(long from);

  /**
   * The end of the run of blocks that are to be moved, from {@code from} on; at most {@code end}.
   */
  long missingEnd(long from, long end);

  /** Blocks that are to be moved still. */
  long missing();

  /**
   * Which parts of the source read as zeroes, in blocks from {@code from} to {@code end}: extents
   * in bytes from the first block's start on, {@link Extent#ZERO} in the flags.
   */
  CompletableFuture<List<Extent>> extents(long from, long end);

  /**
   * Brings these blocks here; those that came or were overwritten meanwhile are left alone.
   *
   * @return the bytes that were fetched. Fails with ENOSPC if there is no room here; with another
   *     {@link dev.wherry.nbd.NbdException} if the source cannot be read. What did not come stays
   *     missing
   */
  CompletableFuture<Long> hydrate(long from, long end, Priority priority);

  /** Takes note that the source reads as zeroes there. */
  CompletableFuture<Void> hydrateZero(long from, long end);

  /** Makes durable that what was brought here is here. */
  CompletableFuture<Void> settle();

  /** The round trip to the source without queueing in nanoseconds, or 0. */
  long roundTripNanos();
}
