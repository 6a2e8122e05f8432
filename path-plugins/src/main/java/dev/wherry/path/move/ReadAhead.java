package dev.wherry.path.move;

/**
 * Finds hosts that read one block after the other, and says what they will read next.
 *
 * <p>A few streams are remembered for a volume. The first read of a stream says nothing; one that
 * goes on where it ended makes a window of four times its length, and each time the reader gets
 * near the end of what was asked for ahead, the window doubles, up to a limit. Random reads cause
 * nothing. It need not be told of reads that found all their blocks here: whoever reads on beyond
 * what was fetched ahead is known again by that.
 *
 * <p>Safe on any thread.
 */
public final class ReadAhead {
  /**
   * Blocks {@code from} to {@code end}, {@code end} not included.
   *
   * @param from in blocks
   * @param end in blocks
   */
  public record Range(long from, long end) {
    /** No blocks. */
    public static final Range NONE = new Range(0, 0);

    public boolean isEmpty() {
      return from >= end;
    }
  }

  private static final int STREAMS = 8;
  private static final int FIRST_FACTOR = 4;
  private static final long LEAST_BYTES = 64 << 10;

  /** Reads of one stream that are on their way together may come a little out of order. */
  private static final long DISORDER_BYTES = 128 << 10;

  private static final class Stream {
    /** Where the reader is; -1 for a stream that is free. */
    long next = -1;

    /** Blocks below are on their way or here. */
    long aheadEnd;

    /** In blocks; 0 while only one read was seen. */
    long window;

    long used;
  }

  private final long blocks;
  private final long least;
  private final long most;
  private final long disorder;
  private final Stream[] streams = new Stream[STREAMS];
  private long clock;

  /**
   * @param blockSize in bytes
   * @param blocks of the volume
   * @param mostBytes that are fetched ahead for a stream; 0 switches it off
   */
  public ReadAhead(int blockSize, long blocks, long mostBytes) {
    this.blocks = blocks;
    this.most = mostBytes / blockSize;
    this.least = Math.min(most, Math.max(1, LEAST_BYTES / blockSize));
    this.disorder = DISORDER_BYTES / blockSize;
    for (int i = 0; i < STREAMS; i++) {
      streams[i] = new Stream();
    }
  }

  /**
   * Takes note of a host's read.
   *
   * @param firstBlock the first block that is read
   * @param endBlock after the last one
   * @return what to fetch ahead now; it begins at or after {@code endBlock}
   */
  public synchronized Range observe(long firstBlock, long endBlock) {
    if (most == 0 || firstBlock >= endBlock) {
      return Range.NONE;
    }
    clock++;
    Stream s = find(firstBlock, endBlock);
    if (s == null) {
      s = oldest();
      s.next = endBlock;
      s.aheadEnd = endBlock;
      s.window = 0;
      s.used = clock;
      return Range.NONE;
    }
    s.used = clock;
    s.next = Math.max(s.next, endBlock);
    s.aheadEnd = Math.max(s.aheadEnd, s.next);
    if (s.window == 0) {
      s.window = Math.min(most, Math.max(least, (endBlock - firstBlock) * FIRST_FACTOR));
    } else if (s.aheadEnd - s.next <= s.window / 2) {
      s.window = Math.min(most, s.window * 2);
    } else {
      return Range.NONE;
    }
    long from = s.aheadEnd;
    long end = Math.min(blocks, s.next + s.window);
    if (end <= from) {
      return Range.NONE;
    }
    s.aheadEnd = end;
    return new Range(from, end);
  }

  private @org.jspecify.annotations.Nullable Stream find(long first, long end) {
    for (Stream s : streams) {
      if (s.next < 0) {
        continue;
      }
      boolean goesOn =
          s.window == 0
              ? first == s.next
              : first >= s.next - disorder && first <= s.aheadEnd + disorder && end > s.next;
      if (goesOn) {
        return s;
      }
    }
    return null;
  }

  private Stream oldest() {
    Stream oldest = streams[0];
    for (Stream s : streams) {
      if (s.used < oldest.used) {
        oldest = s;
      }
    }
    return oldest;
  }
}
