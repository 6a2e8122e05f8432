package dev.wherry.path.move;

import dev.wherry.nbd.Extent;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One thing that was asked of the {@link Hydrator}, and how it ended. Written by the thread that
 * asks until it is on its way, then by the thread that answers; a queue hands it back.
 */
final class Errand {
  /** What was asked. */
  enum Kind {
    DATA,
    ZERO,
    EXTENTS,
    SETTLE
  }

  final Kind kind;

  /** In blocks; both 0 for {@link Kind#SETTLE}. */
  final long from;

  final long end;

  /** In bytes. */
  final long size;

  /** The only one on its way because the one before it failed. */
  boolean probe;

  long sentAt;

  /** What {@link DelayWindow} had seen delivered when this one left, in bytes, and when. */
  long deliveredBefore;

  long deliveredBeforeAt;

  /** It could have left earlier, had the pace let it. */
  boolean paced;

  // ---- the outcome
  long doneAt;
  long fetched;
  List<Extent> extents = List.of();
  @Nullable Throwable failure;

  Errand(Kind kind, long from, long end, long size) {
    this.kind = kind;
    this.from = from;
    this.end = end;
    this.size = size;
  }
}
