package dev.wherry.daemon;

import dev.wherry.daemon.config.Configuration;
import dev.wherry.daemon.config.HostPort;
import dev.wherry.daemon.node.NodeRegistry;
import dev.wherry.daemon.node.NodeView;
import dev.wherry.daemon.node.PeerLinks;
import dev.wherry.daemon.share.PartsOfNode;
import dev.wherry.daemon.volume.VolumeDirectory;
import dev.wherry.daemon.volume.VolumeRegistry;
import io.netty.channel.EventLoopGroup;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * One of the two nodes of a {@link Rehearsal}: all that a daemon has, but for REST and the network.
 * Hosts and the other node reach it by unix sockets in its own folder. One thread; blocks.
 */
final class RehearsalNode {
  private static final Duration LIMIT = Duration.ofSeconds(2);
  private static final Duration IO_TIMEOUT = Duration.ofSeconds(3);
  private static final int CONNECTIONS = 8;

  private final String name;
  private final String link;
  private final Base base;
  private final VolumeRegistry registry;
  private final NodesPart nodes;

  /**
   * Starts it.
   *
   * @param daemon whose rehearsal it is
   * @param number 1 or more, of this one
   * @param folder of all of them; there already
   * @param stops undo it, also where this fails halfway
   */
  RehearsalNode(Configuration daemon, Http http, int number, Path folder, Stops stops) {
    name = "rehearsal" + number;
    HostPort here = local(number);
    link = here.toString();
    Configuration config = configuration(daemon, name, folder.resolve(name), here);
    Prepared prepared =
        new Prepared(
            CompletableFuture.completedFuture(http), CompletableFuture.completedFuture(null));
    base = Base.lay(config, prepared, () -> Loops.create(config.io(), 1), stops);
    NbdPart nbd = new NbdPart(config, base);
    registry = Daemon.registry(config, base, nbd);
    nodes = new NodesPart(config, base, registry, folder);
    stops.push(nodes::close);
    VolumeDirectory volumes = new VolumeDirectory(registry, base.data());
    nbd.directory(volumes);
    stops.push(() -> registry.close(LIMIT));
    stops.push(() -> nodes.parts().stop(LIMIT));
    stops.push(() -> nbd.shutdown(LIMIT));
    nodes.nodes().start();
    registry.start(base.workers()).join();
    nodes.listen();
  }

  private static HostPort local(int port) {
    return new HostPort("127.0.0.1", new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
  }

  private static Configuration configuration(
      Configuration daemon, String name, Path data, HostPort link) {
    HostPort none = local(0);
    return new Configuration(
        name,
        data,
        none,
        data.resolve("nbd.sock"),
        none,
        link,
        daemon.io(),
        Configuration.Tls.OFF,
        null,
        false,
        null,
        false,
        IO_TIMEOUT,
        CONNECTIONS,
        Duration.ZERO,
        daemon.logFormat(),
        daemon.logLevel(),
        false);
  }

  String name() {
    return name;
  }

  VolumeRegistry registry() {
    return registry;
  }

  PartsOfNode parts() {
    return nodes.parts();
  }

  EventLoopGroup loops() {
    return base.loops();
  }

  /** Where hosts reach a volume. */
  Path socket(String suid) {
    return base.data().socket(suid);
  }

  /** Gets to know the other one. */
  void meet(RehearsalNode other) {
    nodes.nodes().add(other.name, other.link);
  }

  /** Whether the other one can be asked for something. */
  boolean reaches(RehearsalNode other) {
    NodeRegistry all = nodes.nodes();
    for (NodeView n : all.list(true)) {
      if (n.name().equals(other.name)) {
        return n.state().equals(PeerLinks.Status.ONLINE);
      }
    }
    return false;
  }
}
