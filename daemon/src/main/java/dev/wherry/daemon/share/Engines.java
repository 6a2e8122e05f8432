package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.SharedParts;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.PathHandler;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.Links;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.move.Mover;
import dev.wherry.path.shared.DeviceSource;
import dev.wherry.path.shared.FileBatchLog;
import dev.wherry.path.shared.Following;
import dev.wherry.path.shared.Parts;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Puts the engine on stores, and gives it what it needs of this node. */
final class Engines implements SharedParts {
  private final VolumeRegistry registry;
  private final StoreRoom room;
  private final MapFiles maps;
  private final String node;
  private final Links links;
  private final Executor workers;
  private final Duration ioTimeout;
  private final String boot = Boot.id();

  /**
   * @param workers may block
   * @param ioTimeout how long a host's request waits for another node
   */
  Engines(
      VolumeRegistry registry,
      MapFiles maps,
      String node,
      Links links,
      Executor workers,
      Duration ioTimeout) {
    this.registry = registry;
    this.room = new StoreRoom(registry);
    this.maps = maps;
    this.node = node;
    this.links = links;
    this.workers = workers;
    this.ioTimeout = ioTimeout;
  }

  @Override
  public PathHandler open(VolumeEntry entry, @Nullable BlockDevice store) {
    BlockMap map = null;
    try {
      ShareRecord share = entry.share();
      if (share == null) {
        throw new IllegalStateException("volume " + entry.suid() + " has no share");
      }
      VolumeRecord v = entry.record();
      ShareState state = share.state();
      if (state.map() != 0 && store != null) {
        map = maps.open(v.suid(), state.map(), v.size(), v.blockSize(), store);
      }
      CatalogShareLog log = new CatalogShareLog(entry, registry.catalog(), maps, workers);
      SharedVolume engine =
          SharedVolume.open(
              new Parts(
                  v.suid(),
                  node,
                  store,
                  v.size(),
                  v.blockSize(),
                  map,
                  links,
                  registry.handlers().readPolicies(),
                  uri -> registry.handlers().opening(v.suid(), uri).thenApply(DeviceSource::new),
                  log,
                  registry.scheduler(),
                  System::nanoTime,
                  ioTimeout,
                  Following.with(new FileBatchLog(maps.batch(v.suid()), workers, room::booked))
                      .stalling(share.options().stall()),
                  boot,
                  entry.unflushed()),
              state);
      engine.pace(new Mover.Pace(share.options().minimum(), share.options().bandwidth()));
      entry.engine(engine);
      greet(engine);
      return v.readOnly() ? new ReadOnlyHandler(engine) : engine;
    } catch (RuntimeException e) {
      if (map != null) {
        map.close();
      }
      throw e instanceof java.io.UncheckedIOException
          ? Refusal.impossible(String.valueOf(e.getMessage()))
          : e;
    }
  }

  /** The nodes that were reached before the volume was open. */
  private void greet(SharedVolume engine) {
    ShareState s = engine.state();
    Stream.of(List.of(s.owner()), s.members(), links.nodes())
        .flatMap(List::stream)
        .distinct()
        .filter(n -> links.to(n).filter(Link::isUp).isPresent())
        .forEach(engine::up);
  }

  @Override
  public void closed(VolumeEntry entry) {
    entry.engine(null);
  }

  @Override
  public void erase(String suid) {
    maps.removeAll(suid);
  }

  @Override
  public List<Path> sweep(List<ShareRecord> shares) {
    return maps.sweep(shares);
  }

  MapFiles maps() {
    return maps;
  }
}
