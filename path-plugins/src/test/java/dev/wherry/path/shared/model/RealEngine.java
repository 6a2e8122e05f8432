package dev.wherry.path.shared.model;

import dev.wherry.path.map.BlockMap;
import dev.wherry.path.map.JournaledMap;
import dev.wherry.path.map.MapFile;
import dev.wherry.path.shared.Parts;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/** The real thing. */
class RealEngine implements Engine {
  /** What a call of a map's worker takes. */
  private static final long WORKER_NANOS = 60_000;

  /**
   * What passes for a map between two looks at its clock. It may look for room again at once, so
   * that no host is refused for want of room where there is some.
   */
  private static final long HOUR = 3_600_000_000_000L;

  private long now;

  @Override
  public boolean hasMaps() {
    return true;
  }

  @Override
  public Part open(Parts parts, ShareState state) {
    return new RealPart(SharedVolume.open(parts, state));
  }

  private static Executor worker(Life life) {
    return task -> life.after(life.simulation().about(WORKER_NANOS), task);
  }

  @Override
  public CompletableFuture<BlockMap> createMap(
      Life life, MapFile file, Settings settings, int state) {
    long blocks = (settings.size() + settings.blockSize() - 1L) / settings.blockSize();
    List<JournaledMap.Run> runs =
        state == BlockMap.NOT_HERE ? List.of() : List.of(new JournaledMap.Run(0, blocks, state));
    try {
      return CompletableFuture.completedFuture(
          JournaledMap.create(file, settings.blockSize(), settings.size(), runs, worker(life)));
    } catch (IOException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public CompletableFuture<BlockMap> openMap(
      Life life, MapFile file, Platter platter, Settings settings) {
    try {
      return CompletableFuture.completedFuture(
          JournaledMap.open(
              file,
              settings.blockSize(),
              settings.size(),
              (offset, into) -> into.put(platter.read(offset, into.remaining())),
              worker(life),
              () -> now += HOUR));
    } catch (IOException e) {
      return CompletableFuture.failedFuture(e);
    }
  }
}
