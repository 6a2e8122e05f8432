package dev.wherry.daemon;

import dev.wherry.daemon.api.NbdUris;
import dev.wherry.daemon.config.Configuration;
import dev.wherry.daemon.config.HostPort;
import dev.wherry.daemon.volume.VolumeSockets;
import dev.wherry.nbd.server.ExportDirectory;
import dev.wherry.nbd.server.NbdServer;
import dev.wherry.nbd.server.NbdServerOptions;
import dev.wherry.nbd.server.ServerLimits;
import dev.wherry.nbd.server.TlsMode;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the daemon has for hosts: the NBD server and where it listens. Methods block. */
final class NbdPart {
  private static final Logger log = LoggerFactory.getLogger(NbdPart.class);

  private final Configuration config;
  private final TlsMode tls;
  private final ForwardingDirectory directory = new ForwardingDirectory();
  private final NbdServer server;
  private final NbdSockets sockets;

  /** Makes the server; nobody can connect yet. */
  NbdPart(Configuration config, Base base) {
    this.config = config;
    this.tls = base.tls().mode();
    server =
        NbdServer.create(
            new NbdServerOptions(
                base.loops(),
                directory,
                limits(config),
                base.tls().server(),
                config.slowRequest().toNanos()));
    sockets = new NbdSockets(server, base.data());
    sockets.sweep();
  }

  private static ServerLimits limits(Configuration config) {
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

  /** The sockets of single volumes. */
  VolumeSockets sockets() {
    return sockets;
  }

  /** Says what there is to attach, before {@link #listen}. */
  void directory(ExportDirectory volumes) {
    directory.set(volumes);
  }

  /**
   * Lets hosts connect.
   *
   * @return the port
   */
  int listen() {
    HostPort nbd = config.nbd();
    int port =
        Listening.port(
            "nbd", nbd, server.listen(nbd.address(), tls).thenApply(NbdServer.Listener::address));
    sockets.openCommon(config.nbdUnix());
    return port;
  }

  /** How hosts reach volumes, for people to copy. */
  NbdUris.Maker uris(int port) {
    HostPort nbd = config.nbd();
    String address =
        nbd.address().getAddress().isAnyLocalAddress()
            ? config.node() + ":" + port
            : nbd.withPort(port);
    return new NbdUris.Maker(address, tls == TlsMode.REQUIRE, config.nbdUnix());
  }

  /**
   * Ends all connections, their requests first.
   *
   * @param limit for the requests
   * @return true if all ended by themselves
   */
  boolean shutdown(Duration limit) throws InterruptedException, ExecutionException {
    try {
      server.shutdown(limit.toMillis()).get(limit.toMillis() + 2000, TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException e) {
      log.error("some connections did not end within {} s", limit.toSeconds());
      return false;
    } finally {
      sockets.closeAll();
    }
  }
}
