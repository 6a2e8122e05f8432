package dev.wherry.path.map;

/**
 * A set of page numbers that finds its next member without a look at those that are not in it.
 *
 * <pre>
 *   level 0:  a bit for each page
 *   level n:  a bit for each word of level n - 1, set if that word is not 0
 * </pre>
 *
 * For one thread at a time.
 */
final class PageSet {
  private static final int SHIFT = 6;

  private final long[][] levels;

  /** Empty, for pages from 0 to {@code pages} - 1. */
  PageSet(int pages) {
    int depth = 1;
    for (int words = words(pages); words > 1; words = words(words)) {
      depth++;
    }
    levels = new long[depth][];
    int bits = pages;
    for (int level = 0; level < depth; level++) {
      bits = words(bits);
      levels[level] = new long[bits];
    }
  }

  private static int words(int bits) {
    return Math.max(1, (bits >>> SHIFT) + ((bits & 63) == 0 ? 0 : 1));
  }

  void add(int page) {
    int at = page;
    for (long[] words : levels) {
      long before = words[at >>> SHIFT];
      words[at >>> SHIFT] = before | 1L << at;
      if (before != 0) {
        return;
      }
      at >>>= SHIFT;
    }
  }

  void remove(int page) {
    int at = page;
    for (long[] words : levels) {
      words[at >>> SHIFT] &= ~(1L << at);
      if (words[at >>> SHIFT] != 0) {
        return;
      }
      at >>>= SHIFT;
    }
  }

  /** The first member that is not less than {@code from}, or -1. */
  int next(int from) {
    int at = from;
    for (int level = 0; level < levels.length; level++) {
      int word = at >>> SHIFT;
      if (word >= levels[level].length) {
        return -1;
      }
      long rest = levels[level][word] & -1L << at;
      if (rest != 0) {
        return descend(level, (word << SHIFT) + Long.numberOfTrailingZeros(rest));
      }
      at = word + 1;
    }
    return -1;
  }

  /** The first member below a bit of a level. */
  private int descend(int level, int bit) {
    int at = bit;
    for (int below = level - 1; below >= 0; below--) {
      at = (at << SHIFT) + Long.numberOfTrailingZeros(levels[below][at]);
    }
    return at;
  }
}
