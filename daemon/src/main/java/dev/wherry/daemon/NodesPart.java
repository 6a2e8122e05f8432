package dev.wherry.daemon;

import dev.wherry.daemon.config.Configuration;
import dev.wherry.daemon.config.HostPort;
import dev.wherry.daemon.node.NodeRegistry;
import dev.wherry.daemon.share.PartsOfNode;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.path.link.LinkHub;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** What the daemon has for other nodes: the links, who is known, and who answers. */
final class NodesPart {
  private final Configuration config;
  private final LinkHub hub;
  private final NodeRegistry nodes;
  private final PartsOfNode parts;
  private final ThreadPoolExecutor peers = Pools.peers();

  /** Puts it together; no link is made yet. */
  NodesPart(Configuration config, Base base, VolumeRegistry registry) {
    this(config, base, registry, null);
  }

  /**
   * As the other one.
   *
   * @param folder the links are its unix sockets, as {@link LinkHub} says; null for TCP
   */
  NodesPart(Configuration config, Base base, VolumeRegistry registry, @Nullable Path folder) {
    this.config = config;
    ForwardingService answering = new ForwardingService();
    AtomicReference<@Nullable NodeRegistry> known = new AtomicReference<>();
    hub =
        new LinkHub(
            base.tls().linkOptions(base.loops(), base.catalog().identity()),
            answering,
            (node, uuid) -> Objects.requireNonNull(known.get()).met(node, uuid.toString()),
            folder);
    LinkOfPeers links = new LinkOfPeers(hub);
    nodes =
        new NodeRegistry(
            base.catalog(),
            links,
            new NodeRegistry.Self(config.node(), base.catalog().identity().uuid()),
            registry::needing,
            Clock.systemUTC());
    known.set(nodes);
    parts =
        new PartsOfNode(
            new PartsOfNode.Needs(
                registry,
                nodes,
                links,
                base.data(),
                base.workers(),
                peers,
                Clock.systemUTC(),
                config.ioTimeout()));
    answering.set(parts.service());
  }

  NodeRegistry nodes() {
    return nodes;
  }

  PartsOfNode parts() {
    return parts;
  }

  /**
   * Lets other nodes connect, and begins the work behind. Blocks.
   *
   * @return HOST:PORT
   */
  String listen() {
    HostPort link = config.link();
    String address = link.withPort(Listening.port("link", link, hub.listen(link.address())));
    nodes.listening(address);
    parts.start();
    return address;
  }

  /**
   * Ends the links and what waits for them. Blocks.
   *
   * @return true if nothing runs any more
   */
  boolean close() throws InterruptedException, ExecutionException, TimeoutException {
    hub.close().get(5, TimeUnit.SECONDS);
    parts.end();
    peers.shutdown();
    return peers.awaitTermination(5, TimeUnit.SECONDS);
  }
}
