package dev.wherry.nbd.client;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.ExportInfo.Ability;
import dev.wherry.nbd.Wire;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a negotiation ended with.
 *
 * @param size of the export in bytes
 * @param flags transmission flags, {@link Wire#FLAG_HAS_FLAGS} and on
 * @param minBlock smallest unit of requests in bytes, a power of two
 * @param preferredBlock unit that performs well, a power of two
 * @param maxPayload longest READ and WRITE in bytes, a multiple of {@code minBlock}
 * @param description for people, may be empty
 * @param structured structured replies were agreed
 * @param extended extended headers were agreed; then structured replies are too
 * @param contexts names of the agreed metadata contexts by their number
 */
record Terms(
    long size,
    int flags,
    int minBlock,
    int preferredBlock,
    int maxPayload,
    String description,
    boolean structured,
    boolean extended,
    Map<Integer, String> contexts) {

  /** Longest request without payload in compact headers: a round number below 32 bits. */
  private static final long COMPACT_STEP = 1L << 30;

  /**
   * Some servers that know no structured replies answer a longer WRITE_ZEROES with success and do a
   * part of it (nbd-server 3.24 beyond 64 MiB).
   */
  private static final long OLD_SERVER_STEP = 32L << 20;

  Terms {
    contexts = Map.copyOf(contexts);
  }

  boolean has(int flag) {
    return (flags & flag) != 0;
  }

  /** The longest TRIM, WRITE_ZEROES, CACHE or BLOCK_STATUS in bytes. */
  long maxLength() {
    if (extended) {
      return Long.MAX_VALUE;
    }
    return structured ? COMPACT_STEP : OLD_SERVER_STEP;
  }

  /** What is missing that {@code before} had, or null if a client of that can go on with this. */
  @Nullable String missingAgainst(Terms before) {
    if (size < before.size) {
      return "its size is " + size + ", it was " + before.size;
    }
    if (has(Wire.FLAG_READ_ONLY) && !before.has(Wire.FLAG_READ_ONLY)) {
      return "it is read-only now";
    }
    int needed =
        Wire.FLAG_SEND_FLUSH
            | Wire.FLAG_SEND_FUA
            | Wire.FLAG_SEND_TRIM
            | Wire.FLAG_SEND_WRITE_ZEROES
            | Wire.FLAG_SEND_FAST_ZERO
            | Wire.FLAG_SEND_CACHE;
    int gone = before.flags & ~flags & needed;
    if (gone != 0) {
      return "its flags are 0x"
          + Integer.toHexString(flags)
          + ", they were 0x"
          + Integer.toHexString(before.flags);
    }
    if (minBlock > before.minBlock) {
      return "its minimum block is " + minBlock + ", it was " + before.minBlock;
    }
    if (maxPayload < before.maxPayload) {
      return "its maximum block is " + maxPayload + ", it was " + before.maxPayload;
    }
    if (maxLength() < before.maxLength()) {
      return "it no longer speaks the same kind of replies";
    }
    if (!contexts.values().containsAll(before.contexts.values())) {
      return "its metadata contexts are " + contexts.values();
    }
    return null;
  }

  /** The export as a user of the client sees it, with what the client itself adds. */
  ExportInfo info(boolean readOnly) {
    boolean flush = has(Wire.FLAG_SEND_FLUSH);
    return ExportInfo.of(size)
        .withBlocks(minBlock, preferredBlock)
        .withReadOnly(readOnly || has(Wire.FLAG_READ_ONLY))
        .withRotational(has(Wire.FLAG_ROTATIONAL))
        .withDescription(description)
        .withContexts(List.copyOf(contexts.values()))
        .with(Ability.FLUSH, flush)
        // Where the server has no FUA the client flushes after the write.
        .with(Ability.FUA, flush || has(Wire.FLAG_SEND_FUA))
        .with(Ability.TRIM, has(Wire.FLAG_SEND_TRIM))
        // Where the server has no WRITE_ZEROES the client writes them.
        .with(Ability.ZERO, true)
        .with(Ability.FAST_ZERO, has(Wire.FLAG_SEND_WRITE_ZEROES) && has(Wire.FLAG_SEND_FAST_ZERO))
        .with(Ability.CACHE, has(Wire.FLAG_SEND_CACHE))
        // Whoever calls, it is one client: its flush covers every write that it answered.
        .with(Ability.MULTI_CONN, true);
  }
}
