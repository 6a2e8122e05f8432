package dev.wherry.path.map;

import static dev.wherry.path.map.BlockMap.NEWER;
import static dev.wherry.path.map.BlockMap.NOT_HERE;
import static dev.wherry.path.map.BlockMap.SAME;
import static dev.wherry.path.map.BlockMap.ZERO;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Maps that are large: their files, and their memory. */
class LargeMapTest {
  private static final int MIB = 1 << 20;
  private static final Geometry GEOMETRY = new Geometry(MIB, 1L << 40);
  private static final JournaledMap.Limits LIMITS = new JournaledMap.Limits(1L << 40, 100);

  /** A file that keeps what is not zero, as one with holes does. */
  private static final class SparseFile implements MapFile {
    private final TreeMap<Long, byte[]> pieces = new TreeMap<>();
    private final ForgetfulFile next = new ForgetfulFile();
    private long length;

    @Override
    public long length() {
      return length;
    }

    @Override
    public void read(long at, ByteBuffer into) {
      ByteBuffer to = into.slice();
      to.put(new byte[to.remaining()]);
      long end = at + into.remaining();
      Long first = pieces.floorKey(at);
      pieces
          .subMap(first == null ? at : first, end)
          .forEach(
              (start, piece) -> {
                int skip = (int) Math.max(0, at - start);
                int count = (int) Math.min(piece.length, end - start) - skip;
                if (count > 0) {
                  to.put((int) (start + skip - at), piece, skip, count);
                }
              });
      into.position(into.limit());
    }

    @Override
    public void append(ByteBuffer bytes) {
      byte[] piece = new byte[bytes.remaining()];
      bytes.get(piece);
      pieces.put(length, piece);
      length += piece.length;
    }

    /** Appends a frame with hashes that are all 0, of which only the head is kept. */
    void appendHashes(long unit, int units) {
      Records records = new Records();
      records.intent(unit, units).put(new byte[units * 8]);
      ByteBuffer frame = records.frame(length, 0);
      byte[] head = new byte[Records.FRAME + Records.RECORD];
      frame.get(0, head);
      pieces.put(length, head);
      length += frame.limit();
    }

    @Override
    public void truncate(long to) {
      pieces.tailMap(to).clear();
      length = to;
    }

    @Override
    public void force() {}

    @Override
    public void prepare(ByteBuffer bytes) throws IOException {
      next.prepare(bytes);
    }

    @Override
    public void discard() {
      next.discard();
    }

    @Override
    public void swap() throws IOException {
      next.swap();
      pieces.clear();
      length = 0;
      append(ByteBuffer.wrap(next.bytes));
    }

    @Override
    public void close() {}
  }

  private static JournaledMap open(MapFile file) throws IOException {
    return JournaledMap.open(
        file,
        GEOMETRY,
        (at, into) -> into.position(into.limit()),
        Runnable::run,
        LIMITS,
        System::nanoTime);
  }

  @Test
  void aFileOfMoreThan2GiBIsOpenedAndWhatIsBehindThatHolds() throws Exception {
    SparseFile file = new SparseFile();
    States states = new States(GEOMETRY);
    long seed = 1;
    Recovery.create(file, states, seed);
    int units = (1 << 17) - 512;
    for (long unit = 0; file.length() < (1L << 31) + 8 * MIB; unit += 256) {
      file.appendHashes(unit, units);
    }
    long half = GEOMETRY.blocks() / 2;
    ByteBuf block = Unpooled.wrappedBuffer(new byte[MIB]);
    Records written = new Records();
    new Hashes(states, seed).of(half * MIB, block, half, half + 1).put(half, half + 1, written);
    file.append(new Records().set(0, half, SAME).set(7, 8, ZERO).frame(file.length(), 0));
    file.append(written.frame(file.length(), 0));
    JournaledMap map = open(file);
    assertEquals(half + 1, map.here());
    assertEquals(ZERO, map.state(7));
    assertEquals(SAME, map.state(half - 1));
    assertEquals(NEWER, map.state(half));
    assertFalse(map.durable(half));
    assertEquals(NOT_HERE, map.state(half + 1));
  }

  @Test
  void aRealFileIsReadBehind2GiBAndItsEndIsNamed(@TempDir Path directory) throws Exception {
    Path path = directory.resolve("m");
    long at = 3L << 30;
    try (FileChannel channel =
        FileChannel.open(path, StandardOpenOption.WRITE, StandardOpenOption.CREATE)) {
      channel.write(ByteBuffer.allocate(8).putLong(0, 42), at);
    }
    try (FileMapFile file = FileMapFile.open(path)) {
      assertEquals(at + 8, file.length());
      ByteBuffer found = ByteBuffer.allocate(8);
      file.read(at, found);
      assertEquals(42, found.getLong(0));
      IOException ended =
          assertThrows(IOException.class, () -> file.read(at + 4, ByteBuffer.allocate(8)));
      assertEquals(
          path + " ends at byte " + (at + 8) + ", before byte " + (at + 12), ended.getMessage());
    }
  }

  @Test
  void theMemoryOfWhatACommitSettledIsGivenBack() throws Exception {
    Geometry geometry = new Geometry(4096, 1L << 40);
    JournaledMap map =
        JournaledMap.create(new ForgetfulFile(), geometry, List.of(), Runnable::run, LIMITS);
    int pages = 4096;
    for (int round = 0; round < 3; round++) {
      for (long page = 0; page < pages; page++) {
        long block = page * Pages.PER_PAGE + round;
        map.hydrated(block, block + 1);
      }
      assertTrue(map.taken() >= 2L * pages * Slabs.PAGE, map.taken() + " bytes before the commit");
      map.commit(() -> CompletableFuture.completedFuture(null)).join();
      long most = (pages + 2L * Slabs.WARM) * Slabs.PAGE;
      assertTrue(map.taken() <= most, map.taken() + " bytes after it, not " + most);
      assertEquals((round + 1L) * pages, map.here());
      assertEquals(0, map.pending());
    }
  }
}
