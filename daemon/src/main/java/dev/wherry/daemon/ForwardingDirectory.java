package dev.wherry.daemon;

import dev.wherry.nbd.server.ExportDirectory;
import dev.wherry.nbd.server.Peer;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Ties the knot: the server needs the directory of volumes, whose sockets need the server. The
 * directory is set before the server listens.
 */
final class ForwardingDirectory implements ExportDirectory {
  private volatile @Nullable ExportDirectory target;

  void set(ExportDirectory value) {
    target = value;
  }

  @Override
  public CompletableFuture<List<Entry>> list(Peer peer) {
    return Objects.requireNonNull(target).list(peer);
  }

  @Override
  public CompletableFuture<Session> open(String name, Peer peer) {
    return Objects.requireNonNull(target).open(name, peer);
  }
}
