package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.map.JournaledMap;
import dev.wherry.path.map.MapFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** What a node remembers of a volume whatever happens to its daemon: the state, maps in files. */
final class Memory implements ShareLog {
  private final Path directory;
  private final int blockSize;
  private final long size;
  private @Nullable ShareState state;
  private final List<ShareState> states = new ArrayList<>();
  private final Map<Long, ForcedMapFile> maps = new HashMap<>();
  private boolean failing;
  private boolean full;
  private boolean catalogFull;
  private int putsBeforeFailure = Integer.MAX_VALUE;

  Memory(Path directory, int blockSize, long size) {
    this.directory = directory;
    this.blockSize = blockSize;
    this.size = size;
  }

  /** The state that was put last. */
  ShareState state() {
    ShareState s = state;
    if (s == null) {
      throw new IllegalStateException("there is no volume");
    }
    return s;
  }

  /** All states that were put. */
  List<ShareState> states() {
    return List.copyOf(states);
  }

  void fail(boolean fails) {
    failing = fails;
    putsBeforeFailure = Integer.MAX_VALUE;
  }

  /** So many puts succeed yet. */
  void failAfter(int puts) {
    putsBeforeFailure = puts;
  }

  /** There is no room for anything more that maps write down. */
  void fill(boolean isFull) {
    full = isFull;
  }

  /** There is no room for another state. */
  void fillCatalog(boolean isFull) {
    catalogFull = isFull;
  }

  /** Nothing becomes durable any more. */
  void cutPower() {
    maps.values().forEach(ForcedMapFile::cutPower);
  }

  /** Of the maps only what was forced is left. */
  void restorePower() {
    maps.values().forEach(ForcedMapFile::restorePower);
  }

  private MapFile mapFile(long number) throws IOException {
    ForcedMapFile file = new ForcedMapFile(file(number), maps.get(number), () -> full);
    maps.put(number, file);
    return file;
  }

  Path file(long number) {
    return directory.resolve("map-" + number);
  }

  boolean hasMap(long number) {
    return Files.exists(file(number));
  }

  @Nullable BlockMap open(long number, Disk disk) {
    if (number == 0) {
      return null;
    }
    try {
      return JournaledMap.open(
          mapFile(number),
          blockSize,
          size,
          (offset, into) -> into.put(disk.content(offset, into.remaining())),
          Runnable::run);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public CompletableFuture<Void> put(ShareState next) {
    failing |= putsBeforeFailure-- == 0;
    if (failing) {
      return CompletableFuture.failedFuture(new IOException("the catalog cannot be written"));
    }
    if (catalogFull) {
      return CompletableFuture.failedFuture(
          NbdException.harmless(NbdError.ENOSPC, "no space for the catalog"));
    }
    state = next;
    states.add(next);
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public CompletableFuture<BlockMap> create(long number, int initial) {
    long blocks = (size + blockSize - 1) / blockSize;
    try {
      return CompletableFuture.completedFuture(
          JournaledMap.create(
              mapFile(number),
              blockSize,
              size,
              initial == BlockMap.NOT_HERE
                  ? List.of()
                  : List.of(new JournaledMap.Run(0, blocks, initial)),
              Runnable::run));
    } catch (IOException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public CompletableFuture<Void> remove(long number) {
    try {
      maps.remove(number);
      Files.deleteIfExists(file(number));
      return CompletableFuture.completedFuture(null);
    } catch (IOException e) {
      return CompletableFuture.failedFuture(e);
    }
  }
}
