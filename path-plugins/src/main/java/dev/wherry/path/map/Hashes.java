package dev.wherry.path.map;

import static dev.wherry.path.map.BlockMap.UNIT;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import net.jpountz.xxhash.XXHash64;
import net.jpountz.xxhash.XXHashFactory;

/** Hashes what will be written to blocks that may need it. Safe on any thread. */
final class Hashes {
  private final States states;
  private final long seed;
  private final XXHash64 hash = XXHashFactory.fastestInstance().hash64();

  Hashes(States states, long seed) {
    this.states = states;
    this.seed = seed;
  }

  /** Of the units of one write; those that no block needed are 0. */
  final class Of {
    private final long firstUnit;
    private final long[] hashes;

    private Of(long firstUnit, int units) {
      this.firstUnit = firstUnit;
      this.hashes = new long[units];
    }

    /** Records those of some blocks. */
    void put(long from, long end, Records records) {
      long first = Math.max(firstUnit, from * states.geometry.unitsPerBlock());
      long last = Math.min(firstUnit + hashes.length, states.geometry.unitsUpTo(end));
      ByteBuffer to = records.intent(first, (int) (last - first));
      for (long unit = first; unit < last; unit++) {
        to.putLong(hashes[(int) (unit - firstUnit)]);
      }
    }
  }

  /**
   * Without the lock: a block that needs none now will not need any before the write is done,
   * because the caller holds it.
   */
  Of of(long offset, ByteBuf data, long from, long end) {
    int length = data.readableBytes();
    Of units = new Of(offset / UNIT, (length + UNIT - 1) / UNIT);
    ByteBuffer bytes = data.nioBuffer();
    for (long block = from; block < end; block++) {
      if (states.needsHashes(block)) {
        long start = Math.max(offset, block * states.geometry.blockSize());
        long stop = Math.min(offset + length, (block + 1) * states.geometry.blockSize());
        for (long at = start; at < stop; at += UNIT) {
          int index = (int) (at - offset);
          units.hashes[index / UNIT] =
              hash.hash(bytes, index, (int) Math.min(UNIT, stop - at), seed);
        }
      }
    }
    return units;
  }
}
