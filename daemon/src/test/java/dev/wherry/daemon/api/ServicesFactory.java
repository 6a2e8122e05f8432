package dev.wherry.daemon.api;

import dev.wherry.daemon.node.NodeRegistry;
import dev.wherry.daemon.node.PeerLinks;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.daemon.share.PartsOfNode;
import dev.wherry.daemon.volume.MemoryCatalog;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.daemon.volume.VolumeRegistryFactory;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;

/** What REST is about, of an empty node. */
final class ServicesFactory {
  private ServicesFactory() {}

  static ApiServer.Services empty(Path dir, PeerLinks links) {
    VolumeRegistry volumes = VolumeRegistryFactory.empty(dir);
    NodeRegistry nodes =
        new NodeRegistry(
            new MemoryCatalog(),
            links,
            new NodeRegistry.Self("n", "id"),
            n -> List.of(),
            Clock.systemUTC());
    PartsOfNode parts =
        new PartsOfNode(
            new PartsOfNode.Needs(
                volumes,
                nodes,
                links,
                new DataDirectory(dir),
                Runnable::run,
                Runnable::run,
                Clock.systemUTC(),
                Duration.ofSeconds(5)));
    return new ApiServer.Services(volumes, nodes, parts, () -> true);
  }
}
