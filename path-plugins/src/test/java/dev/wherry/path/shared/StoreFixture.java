package dev.wherry.path.shared;

import dev.wherry.path.ReadPolicies;
import dev.wherry.path.TestPolicies;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.map.FileMapFile;
import dev.wherry.path.map.JournaledMap;
import dev.wherry.path.map.MapFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * A store of which nothing is here, on a disk full of what must never be seen, over a source. The
 * last block is a partial one.
 */
final class StoreFixture implements AutoCloseable {
  static final int BLOCK = 16_384;
  static final int BLOCKS = 64;
  static final int SIZE = BLOCK * BLOCKS - 10_000;

  final byte[] content = Bytes.of(1, SIZE);
  final HeldSource source = new HeldSource("node:a", content);
  final Disk disk = new Disk(SIZE);
  final BlockMap map;
  final LayeredStore store;

  StoreFixture(Path directory, String policy, RangePolicy... ranges) throws IOException {
    this(TestPolicies.SHIPPED, FileMapFile.open(directory.resolve("map")), policy, ranges);
  }

  StoreFixture(ReadPolicies known, MapFile file, String policy, RangePolicy... ranges)
      throws IOException {
    disk.put(0, Bytes.of(666, SIZE));
    map = JournaledMap.create(file, BLOCK, SIZE, List.of(), Runnable::run);
    Policies policies = new Policies(known, policy, List.of(ranges), BLOCK);
    store = new LayeredStore(disk, SIZE, BLOCK, map, policies);
    store.source(source, null);
  }

  byte[] read(long offset, int length) {
    return Bytes.take(store.read(offset, length));
  }

  void write(long offset, byte[] bytes) {
    store.write(offset, Bytes.lend(bytes), 0).join();
  }

  /** What the volume holds according to the source. */
  byte[] original(long offset, int length) {
    return Bytes.part(content, (int) offset, length);
  }

  @Override
  public void close() {
    map.close().join();
    disk.free();
  }
}
