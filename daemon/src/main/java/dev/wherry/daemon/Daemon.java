package dev.wherry.daemon;

import dev.wherry.daemon.api.Access;
import dev.wherry.daemon.api.ApiServer;
import dev.wherry.daemon.api.NbdUris;
import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.CatalogException;
import dev.wherry.daemon.catalog.NodeIdentity;
import dev.wherry.daemon.catalog.SqliteCatalog;
import dev.wherry.daemon.config.Configuration;
import dev.wherry.daemon.config.Configuration.Tls;
import dev.wherry.daemon.config.ConfigurationException;
import dev.wherry.daemon.config.HostPort;
import dev.wherry.daemon.metrics.NbdCollector;
import dev.wherry.daemon.metrics.ShareCollector;
import dev.wherry.daemon.node.NodeRegistry;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.daemon.process.DataLock;
import dev.wherry.daemon.process.StartException;
import dev.wherry.daemon.process.Systemd;
import dev.wherry.daemon.share.PartsOfNode;
import dev.wherry.daemon.volume.VolumeDirectory;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.nbd.NbdTls;
import dev.wherry.nbd.server.NbdServer;
import dev.wherry.nbd.server.NbdServerOptions;
import dev.wherry.nbd.server.ServerLimits;
import dev.wherry.nbd.server.TlsMode;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.Plugins;
import dev.wherry.path.link.LinkHub;
import dev.wherry.path.link.LinkIdentity;
import dev.wherry.path.link.LinkOptions;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.ssl.SslContext;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The running daemon: puts the parts together in the order in which they need each other, and takes
 * them apart in the opposite one.
 */
public final class Daemon {
  private static final Logger log = LoggerFactory.getLogger(Daemon.class);

  /** How long the ready line waits for volumes; those that take longer come later. */
  private static final Duration OPEN_LIMIT = Duration.ofMillis(500);

  private static final Duration REQUEST_LIMIT = Duration.ofSeconds(15);
  private static final Duration FLUSH_LIMIT = Duration.ofSeconds(30);

  /** A step of stopping; false if something was not done. */
  private interface Step {
    boolean run() throws Exception;
  }

  private final Configuration config;
  private final Deque<Step> stops = new ArrayDeque<>();
  private volatile boolean ready;
  private boolean stopped;
  private String readyLine = "";
  private String apiAddress = "";
  private int nbdPort;

  private Daemon(Configuration config) {
    this.config = config;
  }

  /**
   * What takes long and needs no configuration: begun before there is one.
   *
   * @param http Vert.x
   * @param sqlite its native library is loaded
   */
  public record Prepared(CompletableFuture<Http> http, CompletableFuture<Void> sqlite) {}

  /** Begins what needs no configuration, on threads of its own; returns at once. */
  public static Prepared prepare() {
    return new Prepared(
        CompletableFuture.supplyAsync(Http::start, Daemon::ownThread),
        CompletableFuture.runAsync(SqliteCatalog::load, Daemon::ownThread));
  }

  /** As {@link #start(Configuration, Map, Prepared)}, from nothing. */
  public static Daemon start(Configuration config, Map<String, String> environment) {
    return start(config, environment, prepare());
  }

  /**
   * Starts the daemon; when this returns, it serves. Blocks.
   *
   * @throws ConfigurationException if a setting turns out not to be usable
   * @throws StartException if it cannot start for another reason
   */
  public static Daemon start(
      Configuration config, Map<String, String> environment, Prepared prepared) {
    Daemon daemon = new Daemon(config);
    try {
      daemon.run(environment, prepared);
      return daemon;
    } catch (RuntimeException | Error e) {
      daemon.stop();
      throw e;
    }
  }

  /** What is printed when it serves. */
  public String readyLine() {
    return readyLine;
  }

  /** Where REST is served, as HOST:PORT. */
  public String apiAddress() {
    return apiAddress;
  }

  /** The port where NBD is served. */
  public int nbdPort() {
    return nbdPort;
  }

  private void run(Map<String, String> environment, Prepared prepared) {
    stops.push(() -> closeHttp(prepared.http().join()));
    DataDirectory data = new DataDirectory(config.data());
    data.create();
    DataLock lock = DataLock.take(data);
    stops.push(
        () -> {
          lock.close();
          return true;
        });
    SslContext tls = tls();

    CompletableFuture<Catalog> catalogOpening =
        prepared
            .sqlite()
            .thenApplyAsync(
                v -> SqliteCatalog.open(data, config.node(), Clock.systemUTC()), Daemon::ownThread);
    EventLoopGroup loops = Loops.create(config.io());
    stops.push(() -> loops.shutdownGracefully(0, 2, TimeUnit.SECONDS).await(4000));
    ThreadPoolExecutor workers = Pools.workers();
    Plugins plugins = Plugins.load(data.plugins());
    stops.push(
        () -> {
          plugins.close();
          workers.shutdown();
          return workers.awaitTermination(5, TimeUnit.SECONDS);
        });

    Http http = prepared.http().join();
    Catalog catalog = catalog(catalogOpening);
    stops.push(
        () -> {
          catalog.close();
          return true;
        });
    serve(environment, data, tls, loops, workers, plugins, http, catalog);
  }

  private void serve(
      Map<String, String> environment,
      DataDirectory data,
      @Nullable SslContext tls,
      EventLoopGroup loops,
      ThreadPoolExecutor workers,
      Plugins plugins,
      Http http,
      Catalog catalog) {
    ForwardingDirectory directory = new ForwardingDirectory();
    NbdServer server =
        NbdServer.create(
            new NbdServerOptions(loops, directory, limits(), tls, config.slowRequest().toNanos()));
    NbdSockets sockets = new NbdSockets(server, data);
    sockets.sweep();
    VolumeRegistry registry =
        new VolumeRegistry(
            data,
            catalog,
            plugins,
            volumes ->
                new DeviceContext(
                    loops,
                    workers,
                    Loops.engine(config.io()),
                    config.ioTimeout(),
                    config.tlsDir(),
                    volumes,
                    false),
            sockets,
            Clock.systemUTC());
    ForwardingService answering = new ForwardingService();
    AtomicReference<@Nullable NodeRegistry> known = new AtomicReference<>();
    LinkHub hub =
        new LinkHub(
            linkOptions(loops, catalog.identity(), tls),
            answering,
            (node, uuid) -> Objects.requireNonNull(known.get()).met(node, uuid.toString()));
    LinkOfPeers links = new LinkOfPeers(hub);
    NodeRegistry nodes =
        new NodeRegistry(
            catalog,
            links,
            new NodeRegistry.Self(config.node(), catalog.identity().uuid()),
            registry::needing,
            Clock.systemUTC());
    known.set(nodes);
    ThreadPoolExecutor peers = Pools.peers();
    PartsOfNode parts =
        new PartsOfNode(
            new PartsOfNode.Needs(
                registry,
                nodes,
                links,
                data,
                workers,
                peers,
                Clock.systemUTC(),
                config.ioTimeout()));
    answering.set(parts.service());
    stops.push(
        () -> {
          hub.close().get(5, TimeUnit.SECONDS);
          parts.end();
          peers.shutdown();
          return peers.awaitTermination(5, TimeUnit.SECONDS);
        });
    VolumeDirectory volumes = new VolumeDirectory(registry, data);
    directory.set(volumes);
    stops.push(() -> registry.close(FLUSH_LIMIT));
    stops.push(() -> parts.stop(REQUEST_LIMIT));
    stops.push(() -> shutdown(server, sockets));
    nodes.start();
    openVolumes(registry);

    HostPort nbd = config.nbd();
    nbdPort =
        port(
            "nbd",
            nbd,
            server.listen(nbd.address(), tlsMode()).thenApply(NbdServer.Listener::address));
    sockets.openCommon(config.nbdUnix());
    int linkPort = port("link", config.link(), hub.listen(config.link().address()));
    String linkAddress = config.link().withPort(linkPort);
    nodes.listening(linkAddress);
    parts.start();

    http.metrics().getPrometheusRegistry().register(new NbdCollector(registry));
    http.metrics().getPrometheusRegistry().register(new ShareCollector(registry, nodes));
    ThreadPoolExecutor control = Pools.control();
    ThreadPoolExecutor reads = Pools.reads();
    ThreadPoolExecutor scrapes = Pools.metrics();
    ApiServer api =
        new ApiServer(
            http.vertx(),
            new ApiServer.Threads(control, reads, scrapes),
            new ApiServer.Services(registry, nodes, parts, () -> ready),
            http.metrics(),
            uris(),
            Access.of(config));
    int apiPort = port("api", config.api(), api.listen(config));
    stops.push(() -> closeApi(api, control, reads, scrapes));
    apiAddress = config.api().withPort(apiPort);

    Systemd systemd = Systemd.open(environment);
    stops.push(
        () -> {
          systemd.close();
          return true;
        });
    stops.push(
        () -> {
          ready = false;
          systemd.stopping();
          volumes.close();
          return true;
        });
    ready = true;
    systemd.ready();
    systemd.watch(environment, loops);
    readyLine =
        "wherryd ready node="
            + config.node()
            + " nbd="
            + nbd.withPort(nbdPort)
            + " api="
            + apiAddress
            + " link="
            + linkAddress;
  }

  /**
   * Stops: no more connections, requests finished, everything flushed and committed. Bounded by
   * about a minute. A second call does nothing.
   *
   * @return true if all of that was done
   */
  public synchronized boolean stop() {
    boolean clean = true;
    if (!stopped) {
      stopped = true;
      while (!stops.isEmpty()) {
        try {
          clean &= stops.pop().run();
        } catch (Exception e) {
          clean = false;
          log.error("a step of stopping failed", e);
        }
      }
    }
    return clean;
  }

  // ------------------------------------------------------------------ the parts

  private @Nullable SslContext tls() {
    Path dir = config.tlsDir();
    if (config.tls() == Tls.OFF || dir == null) {
      return null;
    }
    try {
      return NbdTls.server(dir);
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException("tls-dir", String.valueOf(e.getMessage()));
    }
  }

  private TlsMode tlsMode() {
    return switch (config.tls()) {
      case OFF -> TlsMode.OFF;
      case ON -> TlsMode.ON;
      case REQUIRE -> TlsMode.REQUIRE;
    };
  }

  private ServerLimits limits() {
    ServerLimits d = ServerLimits.DEFAULT;
    return new ServerLimits(
        config.connections(),
        d.negotiationMillis(),
        d.requestsPerConnection(),
        d.bytesPerConnection(),
        d.bytesPerExport(),
        d.bytesTotal(),
        d.stallMillis());
  }

  private NbdUris.Maker uris() {
    HostPort nbd = config.nbd();
    String port = Integer.toString(nbdPort);
    String address =
        nbd.address().getAddress().isAnyLocalAddress()
            ? config.node() + ":" + port
            : nbd.withPort(nbdPort);
    return new NbdUris.Maker(address, config.tls() == Tls.REQUIRE, config.nbdUnix());
  }

  private static Catalog catalog(CompletableFuture<Catalog> opening) {
    try {
      return opening.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof CatalogException c) {
        throw new StartException(String.valueOf(c.getMessage()), c);
      }
      throw e;
    }
  }

  private static void openVolumes(VolumeRegistry registry) {
    ThreadPoolExecutor openers = Pools.openers();
    CompletableFuture<Void> all = registry.start(openers);
    try {
      all.get(OPEN_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      log.info("some volumes take long to open; the others are served meanwhile");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      throw new StartException("the volumes cannot be opened: " + e.getCause(), e);
    } finally {
      all.whenComplete((v, t) -> openers.shutdown());
    }
  }

  /** Links use TLS wherever this node has it: both sides show a certificate. */
  private LinkOptions linkOptions(
      EventLoopGroup loops, NodeIdentity identity, @Nullable SslContext serverTls) {
    Path dir = config.tlsDir();
    try {
      return LinkOptions.of(
          loops,
          new LinkIdentity(identity.name(), UUID.fromString(identity.uuid())),
          serverTls,
          serverTls == null || dir == null ? null : NbdTls.client(dir, true));
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException("tls-dir", String.valueOf(e.getMessage()));
    }
  }

  private static int port(String setting, HostPort wanted, CompletableFuture<?> listening) {
    try {
      Object bound = listening.join();
      return bound instanceof InetSocketAddress a ? a.getPort() : (Integer) bound;
    } catch (CompletionException e) {
      throw cannotListen(setting, wanted, e.getCause() == null ? e : e.getCause());
    }
  }

  private static StartException cannotListen(String setting, HostPort wanted, Throwable cause) {
    return new StartException(
        setting + " " + wanted + " cannot be listened on: " + cause.getMessage(), cause);
  }

  private static void ownThread(Runnable task) {
    Thread thread = new Thread(task, "wherry-start");
    thread.setDaemon(true);
    thread.start();
  }

  // ------------------------------------------------------------------ the steps of stopping

  private static boolean shutdown(NbdServer server, NbdSockets sockets)
      throws InterruptedException, ExecutionException {
    try {
      server
          .shutdown(REQUEST_LIMIT.toMillis())
          .get(REQUEST_LIMIT.toMillis() + 2000, TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException e) {
      log.error("some connections did not end within {} s", REQUEST_LIMIT.toSeconds());
      return false;
    } finally {
      sockets.closeAll();
    }
  }

  private static boolean closeApi(
      ApiServer api, ThreadPoolExecutor control, ThreadPoolExecutor... others)
      throws InterruptedException, ExecutionException, TimeoutException {
    api.close().get(5, TimeUnit.SECONDS);
    // What only looks may be dropped at any time.
    List.of(others).forEach(ThreadPoolExecutor::shutdownNow);
    control.shutdown();
    return control.awaitTermination(10, TimeUnit.SECONDS);
  }

  private static boolean closeHttp(Http http)
      throws InterruptedException, ExecutionException, TimeoutException, IOException {
    http.close().get(5, TimeUnit.SECONDS);
    return true;
  }
}
