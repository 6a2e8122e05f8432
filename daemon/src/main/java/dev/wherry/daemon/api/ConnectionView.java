package dev.wherry.daemon.api;

import dev.wherry.nbd.server.ExportDirectory.Connection;
import io.netty.channel.unix.DomainSocketAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A host's connection as REST shows it.
 *
 * @param id unique while the daemon runs
 * @param peer the host's address and port, or {@code unix:PATH} of the socket that it came in by
 * @param since when it attached, as RFC 3339 has it
 * @param certificateName the common name of its certificate, or null without TLS
 */
record ConnectionView(long id, String peer, String since, @Nullable String certificateName) {
  static ConnectionView of(Connection c) {
    return new ConnectionView(
        c.peer().id(),
        text(c.peer().address(), c.peer().local()),
        Instant.ofEpochMilli(c.since()).toString(),
        c.peer().certificateName());
  }

  private static String text(SocketAddress remote, SocketAddress local) {
    if (remote instanceof InetSocketAddress i && i.getAddress() != null) {
      String host = i.getAddress().getHostAddress();
      return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + i.getPort();
    }
    return "unix:" + (local instanceof DomainSocketAddress d ? d.path() : local.toString());
  }
}
