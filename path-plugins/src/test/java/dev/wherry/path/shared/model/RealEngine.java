package dev.wherry.path.shared.model;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.PathHandler;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.map.JournaledMap;
import dev.wherry.path.map.MapFile;
import dev.wherry.path.move.Mover;
import dev.wherry.path.shared.RangePolicy;
import dev.wherry.path.shared.ReadPolicy;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import dev.wherry.path.shared.WritePolicy;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** The real thing. */
class RealEngine implements Engine {
  /** What a call of a map's worker takes. */
  private static final long WORKER_NANOS = 60_000;

  @Override
  public boolean hasMaps() {
    return true;
  }

  @Override
  public Part open(SharedVolume.Parts parts, ShareState state) {
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
              worker(life)));
    } catch (IOException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** The real outside of a volume. */
  record RealPart(SharedVolume volume) implements Part {
    @Override
    public PathHandler handler() {
      return volume;
    }

    @Override
    public ShareState state() {
      return volume.state();
    }

    @Override
    public CompletableFuture<Void> join(String node) {
      return volume.join(node);
    }

    @Override
    public CompletableFuture<Void> leave(String node) {
      return volume.leave(node);
    }

    @Override
    public CompletableFuture<Void> activate(boolean force) {
      return volume.activate(force);
    }

    @Override
    public CompletableFuture<Void> giveTo(String node) {
      return volume.giveTo(node);
    }

    @Override
    public CompletableFuture<@Nullable BlockDevice> release() {
      return volume.release();
    }

    @Override
    public CompletableFuture<Void> policies(
        ReadPolicy read, WritePolicy write, List<RangePolicy> ranges, boolean manual) {
      return volume.policies(read, write, ranges, manual);
    }

    @Override
    public CompletableFuture<String> fenced() {
      return volume.fenced();
    }

    @Override
    public void pace(Mover.Pace pace) {
      volume.pace(pace);
    }

    @Override
    public void up(String node) {
      volume.up(node);
    }

    @Override
    public CompletableFuture<LinkReply> serve(String from, LinkRequest request, Priority priority) {
      return volume.serve(from, request, priority);
    }
  }
}
