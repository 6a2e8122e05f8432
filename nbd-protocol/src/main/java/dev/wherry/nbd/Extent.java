package dev.wherry.nbd;

/**
 * A run of bytes that share one state in a metadata context.
 *
 * @param length in bytes, more than zero
 * @param flags meaning depends on the context; for {@code base:allocation} see {@link #HOLE} and
 *     {@link #ZERO}
 */
public record Extent(long length, long flags) {
  /** {@code base:allocation}: nothing is allocated here. */
  public static final long HOLE = 1;

  /** {@code base:allocation}: reads as zeroes. */
  public static final long ZERO = 2;

  /** The context that every export has. */
  public static final String BASE_ALLOCATION = "base:allocation";

  public Extent {
    if (length <= 0) {
      throw new IllegalArgumentException("extent length " + length + ": must be more than 0");
    }
  }
}
