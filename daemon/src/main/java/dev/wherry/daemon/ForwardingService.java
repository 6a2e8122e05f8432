package dev.wherry.daemon;

import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.LinkService;
import dev.wherry.path.link.Priority;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Ties the knot: the links need who answers other nodes, who needs the links. The service is set
 * before the first node is added.
 */
final class ForwardingService implements LinkService {
  private volatile @Nullable LinkService target;

  void set(LinkService value) {
    target = value;
  }

  @Override
  public CompletableFuture<LinkReply> serve(String from, LinkRequest request, Priority priority) {
    return Objects.requireNonNull(target).serve(from, request, priority);
  }

  @Override
  public void up(String node) {
    Objects.requireNonNull(target).up(node);
  }

  @Override
  public void down(String node) {
    Objects.requireNonNull(target).down(node);
  }
}
