package dev.wherry.path.align;

/**
 * A range of bytes seen in whole blocks.
 *
 * @param offset of the first byte
 * @param length in bytes, more than 0
 * @param unit bytes of a block, a power of two
 */
record Blocks(long offset, long length, int unit) {
  long end() {
    return offset + length;
  }

  /** The start of the block that holds the first byte. */
  long outerStart() {
    return offset & -unit;
  }

  /** The end of the block that holds the last byte. */
  long outerEnd() {
    return (end() + unit - 1) & -unit;
  }

  long outerLength() {
    return outerEnd() - outerStart();
  }

  /** The start of the first block that is wholly inside; may be beyond the end. */
  long innerStart() {
    return (offset + unit - 1) & -unit;
  }

  /** The end of the last block that is wholly inside. */
  long innerEnd() {
    return end() & -unit;
  }

  boolean hasInner() {
    return innerStart() < innerEnd();
  }

  /** Bytes of the first block that lie before the range. */
  int head() {
    return (int) (offset - outerStart());
  }

  /** Bytes of the last block that lie after the range. */
  int tail() {
    return (int) (outerEnd() - end());
  }

  boolean aligned() {
    return ((offset | length) & (unit - 1)) == 0;
  }
}
