package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.Plugins;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.Executor;

/** Registries for tests. */
public final class VolumeRegistryFactory {
  private static final EventLoopGroup LOOPS =
      new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());

  private VolumeRegistryFactory() {}

  public static VolumeRegistry empty(Path dir) {
    return of(dir, new MemoryCatalog(), FaultPoints.NONE, Runnable::run);
  }

  /** A volume that is in no registry. */
  public static VolumeEntry entry(VolumeRecord record) {
    return new VolumeEntry(record, true);
  }

  static VolumeRegistry of(Path dir, Catalog catalog, FaultPoints faults, Executor workers) {
    DataDirectory data = new DataDirectory(dir);
    data.create();
    return new VolumeRegistry(
        data,
        catalog,
        Plugins.load(data.plugins()),
        volumes ->
            new DeviceContext(
                LOOPS,
                workers,
                DeviceContext.Engine.POOL,
                Duration.ofSeconds(5),
                null,
                volumes,
                false),
        VolumeSockets.NONE,
        Clock.systemUTC(),
        faults);
  }
}
