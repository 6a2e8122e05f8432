package dev.wherry.daemon;

import dev.wherry.daemon.api.ApiServer;
import dev.wherry.daemon.config.Configuration;
import dev.wherry.daemon.config.ConfigurationException;
import dev.wherry.daemon.process.StartException;
import dev.wherry.daemon.process.Systemd;
import dev.wherry.daemon.volume.VolumeDirectory;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.path.DeviceContext;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
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

  private final Configuration config;
  private final Stops stops = new Stops();
  private volatile boolean ready;
  private String readyLine = "";
  private String apiAddress = "";
  private int nbdPort;

  private Daemon(Configuration config) {
    this.config = config;
  }

  /** As {@link #start(Configuration, Map, Prepared)}, from nothing. */
  public static Daemon start(Configuration config, Map<String, String> environment) {
    return start(config, environment, Prepared.begin());
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
      daemon.serve(environment, prepared);
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

  private void serve(Map<String, String> environment, Prepared prepared) {
    Base base = Base.lay(config, prepared, stops);
    Rehearsal rehearsal = new Rehearsal(config, base);
    stops.push(rehearsal::awaitEnd);
    NbdPart nbd = new NbdPart(config, base);
    VolumeRegistry registry = registry(config, base, nbd);
    NodesPart nodes = new NodesPart(config, base, registry);
    stops.push(nodes::close);
    VolumeDirectory volumes = new VolumeDirectory(registry, base.data());
    nbd.directory(volumes);
    stops.push(() -> registry.close(FLUSH_LIMIT));
    stops.push(() -> nodes.parts().stop(REQUEST_LIMIT));
    stops.push(() -> nbd.shutdown(REQUEST_LIMIT));
    nodes.nodes().start();
    openVolumes(registry);

    nbdPort = nbd.listen();
    String linkAddress = nodes.listen();
    RestPart rest =
        new RestPart(
            config,
            base.http(),
            new ApiServer.Services(registry, nodes.nodes(), nodes.parts(), () -> ready),
            nbd.uris(nbdPort));
    apiAddress = rest.listen();
    stops.push(rest::close);
    rehearsal.tell();
    announce(environment, base, volumes);
    stops.pushAction(rehearsal::stop);
    nodes.nodes().onOthers(rehearsal::begin);
    readyLine =
        "wherryd ready node="
            + config.node()
            + " nbd="
            + config.nbd().withPort(nbdPort)
            + " api="
            + apiAddress
            + " link="
            + linkAddress;
  }

  /** Makes the volumes, none of which is open yet. */
  static VolumeRegistry registry(Configuration config, Base base, NbdPart nbd) {
    return new VolumeRegistry(
        base.data(),
        base.catalog(),
        base.plugins(),
        volumes ->
            new DeviceContext(
                base.loops(),
                base.workers(),
                Loops.engine(config.io()),
                config.ioTimeout(),
                config.tlsDir(),
                volumes,
                false),
        nbd.sockets(),
        Clock.systemUTC());
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

  /** Says that it serves, and, at the end, first of all that it will not any more. */
  private void announce(Map<String, String> environment, Base base, VolumeDirectory volumes) {
    Systemd systemd = Systemd.open(environment);
    stops.pushAction(systemd::close);
    stops.pushAction(
        () -> {
          ready = false;
          systemd.stopping();
          volumes.close();
        });
    ready = true;
    systemd.ready();
    systemd.watch(environment, base.loops());
  }

  /**
   * Stops: no more connections, requests finished, everything flushed and committed. Bounded by
   * about a minute. A second call does nothing.
   *
   * @return true if all of that was done
   */
  public synchronized boolean stop() {
    return stops.run();
  }
}
