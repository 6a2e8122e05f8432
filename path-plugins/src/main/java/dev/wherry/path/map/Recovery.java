package dev.wherry.path.map;

import static dev.wherry.path.map.BlockMap.NEWER;
import static dev.wherry.path.map.BlockMap.SAME;
import static dev.wherry.path.map.BlockMap.UNIT;
import static dev.wherry.path.map.BlockMap.ZERO;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.TreeSet;
import net.jpountz.xxhash.XXHash64;
import net.jpountz.xxhash.XXHashFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads a map's file, and the store where the file has only hashes of what was to be written.
 * Leaves a file without a journal, but with those hashes that hold: they do until the next commit.
 *
 * <p>Where there is no room for that file the old one stays as it is, and its journal goes on: so
 * that a map can be opened on a full disk.
 */
final class Recovery {
  private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);

  private final MapFile file;
  private final Geometry geometry;
  private final StoreReader store;
  private final States states;
  private final TreeSet<Long> extents = new TreeSet<>();
  private final XXHash64 hash = XXHashFactory.fastestInstance().hash64();
  private boolean headed;
  private boolean ended;
  private boolean journalled;
  private long seed;
  private long checkpoint;

  /** What is newer because of its extent alone, where the file says so still. */
  private Runs differing = new Runs();

  /** Whether the file has hashes that do not hold. */
  private boolean stale;

  Recovery(MapFile file, Geometry geometry, StoreReader store) {
    this.file = file;
    this.geometry = geometry;
    this.store = store;
    this.states = new States(geometry);
  }

  States states() {
    return states;
  }

  long seed() {
    return seed;
  }

  /** Bytes of the file that are no journal. */
  long checkpoint() {
    return checkpoint;
  }

  /** The blocks that are newer while the file says so of their extents alone. */
  Runs differing() {
    return differing;
  }

  /** Whether the file has hashes that do not hold, of what was never written or is lost. */
  boolean isStale() {
    return stale;
  }

  /** Does it all; the length of the file is returned. */
  long run() throws IOException {
    Window window = new Window(file, file.length());
    try (Intents intents = new Intents(window, geometry.unitsPerBlock(), geometry.blocks());
        Slabs passing = new Slabs()) {
      return run(window, intents, passing);
    }
  }

  private long run(Window window, Intents intents, Slabs passing) throws IOException {
    long end =
        new Frames(window)
            .visit(
                (type, state, number, position, at, more) -> {
                  apply(type, state, number, position, more);
                  checkpoint = type == Records.END ? at : checkpoint;
                  intents.record(type, number, position, at, more);
                });
    if (end < window.length()) {
      LOG.warn("dropped {} bytes at the torn end of a block map's journal", window.length() - end);
    }
    int perExtent = geometry.blocksPerExtent();
    for (long extent : extents) {
      differ(extent * perExtent, Math.min(geometry.blocks(), (extent + 1) * perExtent));
    }
    Pages recovered = match(intents, passing);
    if (!journalled && end == window.length() && extents.isEmpty() && intents.isEmpty()) {
      checkpoint = end;
      return end;
    }
    file.discard();
    try {
      CheckpointWriter writer = new CheckpointWriter(file, geometry, seed);
      writer.states(states, this);
      intents.open(block -> recovered.get(block) == 1, writer::intent);
      long length = writer.end();
      file.swap();
      checkpoint = length;
    } catch (IOException e) {
      if (!Journal.isFull(e)) {
        throw e;
      }
      return keep(end, e);
    }
    differing = new Runs();
    stale = false;
    return checkpoint;
  }

  /** The journal goes on, without its torn end. What follows takes all of it for durable. */
  private long keep(long end, IOException why) throws IOException {
    LOG.warn(
        "a block map's journal of {} bytes is kept as it is: {}",
        end - checkpoint,
        why.getMessage());
    file.discard();
    if (end < file.length()) {
      file.truncate(end);
    }
    file.force();
    return end;
  }

  private void apply(int type, int state, int number, long position, ByteBuffer more)
      throws IOException {
    if (!headed && type != Records.HEADER) {
      throw new IOException("not a block map: it starts with a record of type " + type);
    }
    journalled |= ended;
    switch (type) {
      case Records.HEADER -> header(number, position, more.getLong(), more.getLong());
      case Records.SET -> {
        long count = more.getLong(more.position());
        check(position, count, geometry.blocks(), "block");
        states.live.fill(position, position + count, state & 3);
      }
      case Records.PAGE -> {
        check(position, 1, states.live.pages(), "page");
        states.live.page((int) position, more);
      }
      case Records.INTENT -> check(position, number, geometry.unitsUpTo(geometry.blocks()), "unit");
      case Records.DIFFER -> extents.add(position);
      case Records.CLEAN -> extents.remove(position);
      default -> ended = true;
    }
  }

  private void header(int blockSize, long size, long version, long newSeed) throws IOException {
    if (version != Records.VERSION) {
      throw new IOException(
          "the block map has version " + version + "; this program knows " + Records.VERSION);
    }
    if (blockSize != geometry.blockSize() || size != geometry.size()) {
      throw new IOException(
          "the block map is of a volume of "
              + size
              + " bytes in blocks of "
              + blockSize
              + ", not of "
              + geometry.size()
              + " bytes in blocks of "
              + geometry.blockSize());
    }
    headed = true;
    seed = newSeed;
  }

  private static void check(long position, long count, long limit, String what) throws IOException {
    if (position < 0 || count < 1 || position > limit - count) {
      throw new IOException(
          "the block map names " + what + " " + position + " and " + count + " in all of " + limit);
    }
  }

  private void differ(long from, long end) {
    for (long at = states.live.next(SAME, from, end); at < end; ) {
      long next = states.live.runEnd(at, end);
      states.live.fill(at, next, NEWER);
      differing.add(at, next, NEWER);
      at = states.live.next(SAME, next, end);
    }
  }

  /** Finds the blocks that hold what was intended; they are newer, but not durably. */
  private Pages match(Intents intents, Slabs slabs) throws IOException {
    Pages candidates = new Pages(slabs, geometry.blocks());
    Pages matched = new Pages(slabs, geometry.unitsUpTo(geometry.blocks()));
    // A block that is here for good is not looked at; that it is the same is no longer sure.
    intents.open(
        block -> states.live.get(block) != NEWER,
        (unit, hashes, units) -> {
          long block = unit / geometry.unitsPerBlock();
          if (states.live.get(block) == SAME) {
            states.live.fill(block, block + 1, NEWER);
          } else if (states.live.get(block) != NEWER) {
            candidates.fill(block, block + 1, 1);
            compare(unit, hashes, units, matched);
          }
        });
    Pages recovered = new Pages(slabs, geometry.blocks());
    long end = geometry.blocks();
    for (long block = candidates.next(1, 0, end); block < end; ) {
      long last = geometry.unitsUpTo(block + 1);
      if (matched.nextOther(1, geometry.unitsUpTo(block), last) == last) {
        int base = states.live.get(block);
        recovered.fill(block, block + 1, 1);
        states.pending.fill(block, block + 1, base == ZERO ? States.OVER_ZERO : States.OVER_NONE);
        states.live.fill(block, block + 1, NEWER);
      } else {
        stale = true;
      }
      block = candidates.next(1, block + 1, end);
    }
    return recovered;
  }

  private void compare(long unit, ByteBuffer hashes, int units, Pages matched) throws IOException {
    long offset = unit * UNIT;
    int length = (int) Math.min((long) units * UNIT, geometry.size() - offset);
    ByteBuffer data = ByteBuffer.allocate(length);
    store.read(offset, data);
    for (int u = 0; u < units; u++) {
      int at = u * UNIT;
      if (hash.hash(data, at, Math.min(UNIT, length - at), seed) == hashes.getLong(u * 8)) {
        matched.fill(unit + u, unit + u + 1, 1);
      }
    }
  }

  /** States of a new map. */
  static long create(MapFile file, States states, long seed) throws IOException {
    file.discard();
    CheckpointWriter writer = new CheckpointWriter(file, states.geometry, seed);
    writer.states(states, states);
    long length = writer.end();
    file.swap();
    return length;
  }
}
