package dev.wherry.path.shared.model;

import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import org.jspecify.annotations.Nullable;

/** What a node's store has of the volume, cell by cell. */
final class Image {
  private final Cells cells;
  private final int blockSize;
  private final Platter platter;
  private final @Nullable BlockMap map;

  /**
   * @param map says what is there; null: all is
   */
  Image(Cells cells, int blockSize, Platter platter, @Nullable BlockMap map) {
    this.cells = cells;
    this.blockSize = blockSize;
    this.platter = platter;
    this.map = map;
  }

  /** The stamps; {@link SourceOracle#UNKNOWN} where something is not there. */
  int[] stamps() {
    ByteBuf all = Unpooled.wrappedBuffer(platter.read(0, cells.size()));
    int[] stamps = new int[cells.count()];
    for (int c = 0; c < stamps.length; c++) {
      int first = state(cells.start(c));
      int last = state(cells.end(c) - 1);
      if (first == BlockMap.NOT_HERE || last == BlockMap.NOT_HERE) {
        stamps[c] = SourceOracle.UNKNOWN;
      } else if (first == BlockMap.ZERO && last == BlockMap.ZERO) {
        stamps[c] = 0;
      } else if (first == BlockMap.ZERO || last == BlockMap.ZERO) {
        stamps[c] = SourceOracle.UNKNOWN;
      } else {
        stamps[c] = cells.stamp(all, cells.start(c), c);
      }
    }
    return stamps;
  }

  private int state(int offset) {
    BlockMap m = map;
    return m == null ? BlockMap.SAME : m.state(offset / blockSize);
  }
}
