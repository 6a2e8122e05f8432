package dev.wherry.daemon.api;

import dev.wherry.daemon.node.LinkAddress;
import dev.wherry.daemon.node.PeerLinks;
import dev.wherry.path.link.Link;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** No node can be reached. */
final class UnreachableNodes implements PeerLinks {
  @Override
  public void add(String name, LinkAddress address, @Nullable String uuid) {}

  @Override
  public void remove(String name) {}

  @Override
  public CompletableFuture<Stranger> probe(String name, LinkAddress address) {
    return CompletableFuture.completedFuture(Stranger.NONE);
  }

  @Override
  public CompletableFuture<Void> tried(String name) {
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public CompletableFuture<Void> answered(String name) {
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public Status status(String name) {
    return Status.offline("nobody can be reached");
  }

  @Override
  public Optional<Link> to(String node) {
    return Optional.empty();
  }
}
