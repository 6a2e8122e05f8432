package dev.wherry.nbd.server;

import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Who is at the other end.
 *
 * @param id unique among the connections of this process
 * @param address the remote address; for a unix socket its path
 * @param local the local address that took the connection
 * @param certificateName subject common name of the verified client certificate, or null without
 *     TLS
 */
public record Peer(
    long id, SocketAddress address, SocketAddress local, @Nullable String certificateName) {

  Peer authenticated(String name) {
    return new Peer(id, address, local, name);
  }
}
