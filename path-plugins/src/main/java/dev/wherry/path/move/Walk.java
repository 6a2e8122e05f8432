package dev.wherry.path.move;

import dev.wherry.nbd.Extent;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What comes next: the way through the volume from its start to its end, lap after lap.
 *
 * <pre>
 *        cursor           answerFrom              knownEnd
 *  ─ done ─┼─ known: data ─────┼─ the last answer ────┼─ not asked for yet ─
 * </pre>
 *
 * Zeroes of an answer are taken as soon as it is there, not when the cursor gets to them: so an
 * answer is not used long after it was given. What is still missing below {@code knownEnd} is data
 * then. The step of a question doubles while the answers are short: four tebibytes of nothing are a
 * dozen questions. What was found is not looked for again: a step must not cost a way through the
 * whole map. One thread at a time.
 */
final class Walk {
  private static final long FIRST_STEP = 1L << 30;
  private static final long LEAST_STEP = 64L << 20;
  private static final long MOST_STEP = 1L << 40;
  private static final long SHORT_ANSWER = 1024;
  private static final int MOST_EXTENTS = 65_536;

  /** Bytes of data that are known ahead of the cursor before the next question. */
  private static final long AHEAD = 64L << 20;

  /** Zeroes shorter than this are fetched with what is around them. */
  private static final long LEAST_ZEROES = 64 << 10;

  /** Bytes that are noted as zeroes at once. */
  private static final long ZERO_STEP = 64L << 30;

  private static final int MOST_ZEROES_ON_WAY = 4;

  private record Run(long from, long end) {}

  private final Hydrator hydrator;
  private final int blockSize;
  private final long blocks;
  private final Deque<Run> zeroes = new ArrayDeque<>();

  private long cursor;
  private long answerFrom;
  private long knownEnd;
  private long askedEnd;
  private long step = FIRST_STEP;
  private long ahead;
  private int zeroesOnWay;
  private boolean asking;

  Walk(Hydrator hydrator) {
    this.hydrator = hydrator;
    this.blockSize = hydrator.blockSize();
    this.blocks = hydrator.blocks();
    this.askedEnd = blocks;
  }

  /** Begins another lap. Nothing is on its way. */
  void restart() {
    cursor = 0;
    answerFrom = 0;
    knownEnd = 0;
    askedEnd = blocks;
    ahead = 0;
    zeroes.clear();
  }

  /** More may be missing by now than when nothing was left to be asked for. */
  void lookAgain() {
    knownEnd = Math.min(knownEnd, askedEnd);
    askedEnd = blocks;
  }

  /** Goes back to blocks that did not come. Nothing is on its way. */
  void rewind(long block) {
    cursor = Math.min(cursor, block);
  }

  /** Nothing is missing from the cursor on, and nothing is left to be noted. */
  boolean atEnd() {
    return zeroes.isEmpty() && hydrator.nextMissing(cursor) >= blocks;
  }

  /** Zeroes to take note of, or null if there are none or enough are being noted. */
  @Nullable Errand nextZeroes() {
    if (zeroesOnWay >= MOST_ZEROES_ON_WAY) {
      return null;
    }
    for (Run run = zeroes.poll(); run != null; run = zeroes.poll()) {
      long from = hydrator.nextMissing(run.from);
      if (from < run.end) {
        long most = Math.max(1, ZERO_STEP / blockSize);
        long end = hydrator.missingEnd(from, Math.min(run.end, from + most));
        if (end < run.end) {
          zeroes.addFirst(new Run(end, run.end));
        }
        zeroesOnWay++;
        return new Errand(Errand.Kind.ZERO, from, end, 0);
      }
    }
    return null;
  }

  /** The next question, or null if enough is known. */
  @Nullable Errand nextQuestion() {
    if (asking || zeroesOnWay > 0 || !zeroes.isEmpty() || ahead >= AHEAD) {
      return null;
    }
    long from = hydrator.nextMissing(Math.max(cursor, knownEnd));
    if (from >= blocks) {
      if (knownEnd < blocks) {
        askedEnd = knownEnd;
        knownEnd = blocks;
      }
      return null;
    }
    asking = true;
    long end = Math.min(blocks, from + Math.max(1, step / blockSize));
    return new Errand(Errand.Kind.EXTENTS, from, end, 0);
  }

  /**
   * Data to fetch, or null if none is known. The cursor goes beyond it.
   *
   * @param bytes at most; one block at least
   */
  @Nullable Errand nextData(long bytes) {
    long known = zeroesOnWay > 0 || !zeroes.isEmpty() ? answerFrom : knownEnd;
    long from = hydrator.nextMissing(cursor);
    cursor = Math.max(cursor, Math.min(from, known));
    if (from >= known) {
      if (known == knownEnd) {
        ahead = 0;
      }
      return null;
    }
    long n = Math.max(1, bytes / blockSize);
    long end = hydrator.missingEnd(from, Math.min(known, (from / n + 1) * n));
    cursor = end;
    long size = (end - from) * blockSize;
    ahead -= Math.min(ahead, size);
    return new Errand(Errand.Kind.DATA, from, end, size);
  }

  void zeroesNoted(Errand e) {
    zeroesOnWay--;
    if (e.failure != null) {
      zeroes.addFirst(new Run(e.from, e.end));
    }
  }

  void questionFailed() {
    asking = false;
  }

  /** The source cannot say: all of it counts as data. */
  void unanswerable(Errand e) {
    asking = false;
    answerFrom = e.from;
    knownEnd = e.end;
    ahead += (e.end - e.from) * blockSize;
  }

  void answered(Errand e) {
    asking = false;
    answerFrom = e.from;
    long limit = e.end * blockSize;
    long at = e.from * blockSize;
    long zeroFrom = at;
    long data = 0;
    int count = 0;
    List<Extent> extents = e.extents;
    for (Extent x : extents) {
      if (at >= limit || count == MOST_EXTENTS) {
        break;
      }
      long next = at + Math.min(x.length(), limit - at);
      if ((x.flags() & Extent.ZERO) == 0) {
        zeroRun(zeroFrom, at);
        zeroFrom = next;
        data += next - at;
      }
      at = next;
      count++;
    }
    zeroRun(zeroFrom, at);
    ahead += data;
    // The volume's last block may be cut off, and so may what is said about it.
    boolean whole = e.end == blocks ? at > limit - blockSize : at >= limit;
    knownEnd = whole ? e.end : Math.max(at / blockSize, e.from + 1);
    if (!whole) {
      step = Math.max(LEAST_STEP, 2 * (at - e.from * blockSize));
    } else if (count <= SHORT_ANSWER) {
      step = Math.min(MOST_STEP, step * 2);
    }
  }

  private void zeroRun(long from, long end) {
    long first = (from + blockSize - 1) / blockSize;
    long last = end / blockSize;
    if (last > first && end - from >= LEAST_ZEROES) {
      zeroes.add(new Run(first, last));
    }
  }
}
