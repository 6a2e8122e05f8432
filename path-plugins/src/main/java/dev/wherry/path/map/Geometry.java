package dev.wherry.path.map;

/**
 * The measures of a map.
 *
 * @param blockSize bytes of a block, a power of two, 4 KiB to 1 MiB
 * @param size bytes of the volume, more than 0
 */
record Geometry(int blockSize, long size) {
  /** Bytes of an extent: what is one sync's worth of blocks that may come to differ. */
  private static final int EXTENT = 4 << 20;

  Geometry {
    if (Integer.bitCount(blockSize) != 1 || blockSize < BlockMap.UNIT || blockSize > 1 << 20) {
      throw new IllegalArgumentException(
          "block size " + blockSize + ": not a power of two from 4096 to 1048576");
    }
    if (size <= 0) {
      throw new IllegalArgumentException("size " + size + ": not more than 0");
    }
  }

  long blocks() {
    return (size + blockSize - 1) / blockSize;
  }

  int unitsPerBlock() {
    return blockSize / BlockMap.UNIT;
  }

  /** Units up to the end of a block. */
  long unitsUpTo(long block) {
    return Math.min(block * unitsPerBlock(), (size + BlockMap.UNIT - 1) / BlockMap.UNIT);
  }

  int blocksPerExtent() {
    return EXTENT / blockSize;
  }
}
