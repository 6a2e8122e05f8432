package dev.wherry.path.shared;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How the write policies {@code through} and {@code back} work on a node.
 *
 * @param batches where this node keeps the batch that it is sent as another node's source, before
 *     it applies it; owned. Null: it takes none
 * @param limit how long a source may keep one request waiting before it counts as away, and a host
 *     may wait for room in {@code memory}
 * @param stall under {@code through}: hosts wait (as long as for another node) while the source is
 *     away, instead of going on without it
 * @param memory bytes that a batch may hold of what hosts overwrite before it was sent; more than 0
 * @param period how often a batch is made where no host flushes, and a source that was away is
 *     tried again
 */
public record Following(
    @Nullable BatchLog batches, Duration limit, boolean stall, long memory, Duration period) {
  /** Five seconds of patience, then on without the source; 64 MiB; once a second. */
  public static Following with(@Nullable BatchLog batches) {
    return new Following(batches, Duration.ofSeconds(5), false, 64 << 20, Duration.ofSeconds(1));
  }

  public Following stalling(boolean value) {
    return new Following(batches, limit, value, memory, period);
  }
}
