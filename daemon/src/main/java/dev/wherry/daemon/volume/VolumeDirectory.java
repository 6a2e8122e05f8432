package dev.wherry.daemon.volume;

import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.nbd.server.ExportDirectory;
import dev.wherry.nbd.server.Peer;
import dev.wherry.nbd.server.RefusedException;
import dev.wherry.nbd.server.RefusedException.Reason;
import dev.wherry.path.Volume;
import io.netty.channel.unix.DomainSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds volumes for NBD clients. The empty name is the only volume where there is one; on a
 * volume's own socket it is that volume, and no other can be had there. Runs on event loops and
 * never blocks.
 */
public final class VolumeDirectory implements ExportDirectory {
  private static final Logger log = LoggerFactory.getLogger(VolumeDirectory.class);

  private final VolumeRegistry registry;
  private final DataDirectory data;
  private volatile boolean closed;

  public VolumeDirectory(VolumeRegistry registry, DataDirectory data) {
    this.registry = registry;
    this.data = data;
  }

  /** Refuses everybody from now on: the daemon is going down. */
  public void close() {
    closed = true;
  }

  @Override
  public CompletableFuture<List<Entry>> list(Peer peer) {
    Optional<String> only = socketOf(peer);
    return CompletableFuture.completedFuture(
        registry.list().stream()
            .filter(e -> !e.leaving() && e.access().permits(peer))
            .filter(e -> only.isEmpty() || only.get().equals(e.suid()))
            .map(e -> new Entry(e.suid(), ""))
            .toList());
  }

  @Override
  public CompletableFuture<Session> open(String name, Peer peer) {
    try {
      if (closed) {
        throw new RefusedException(Reason.SHUTDOWN, "the server is going down");
      }
      VolumeEntry entry = find(name, peer);
      if (!entry.access().permits(peer)) {
        log.warn("{} may not attach volume {}", peer.address(), entry.suid());
        throw new RefusedException(
            Reason.POLICY, "volume " + entry.suid() + " is not for this client");
      }
      return entry.opened().thenApply(v -> session(entry));
    } catch (RefusedException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private VolumeEntry find(String name, Peer peer) {
    Optional<String> only = socketOf(peer);
    if (only.isPresent() && !name.isEmpty() && !name.equals(only.get())) {
      throw new RefusedException(
          Reason.UNKNOWN, "this socket serves volume " + only.get() + " alone");
    }
    if (name.isEmpty() && only.isEmpty()) {
      List<VolumeEntry> all = registry.list();
      if (all.size() != 1) {
        throw new RefusedException(
            Reason.UNKNOWN, "there are " + all.size() + " volumes: an export name is needed");
      }
      return all.get(0);
    }
    String suid = name.isEmpty() ? only.orElse("") : name;
    return registry
        .find(suid)
        .filter(e -> !e.leaving())
        .orElseThrow(
            () ->
                new RefusedException(
                    Reason.UNKNOWN,
                    Suid.isValid(suid)
                        ? "volume " + suid + " does not exist"
                        : "there is no such volume"));
  }

  private Session session(VolumeEntry entry) {
    Volume volume = entry.volume();
    HostSession session = volume == null ? null : new HostSession(entry, volume);
    if (session == null || entry.isFailed() || !session.begin()) {
      throw new RefusedException(
          Reason.UNKNOWN,
          "volume " + entry.suid() + " is failed: " + String.valueOf(entry.reason()));
    }
    return session;
  }

  /** The volume whose own socket the peer came in by. */
  private Optional<String> socketOf(Peer peer) {
    String path = path(peer.local());
    if (path.isEmpty()) {
      return Optional.empty();
    }
    Path socket = Path.of(path);
    String file = String.valueOf(socket.getFileName());
    return data.sockets().equals(socket.getParent()) && file.endsWith(".sock")
        ? Optional.of(file.substring(0, file.length() - ".sock".length()))
        : Optional.empty();
  }

  private static String path(SocketAddress address) {
    if (address instanceof DomainSocketAddress d) {
      return d.path();
    }
    return address instanceof UnixDomainSocketAddress u ? u.getPath().toString() : "";
  }
}
