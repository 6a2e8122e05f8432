package dev.wherry.daemon.node;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.wherry.daemon.volume.MemoryCatalog;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Priority;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Which nodes can be asked for something. */
final class NodeRegistryTest {
  private final Peer peer = new Peer();
  private final NodeRegistry nodes =
      new NodeRegistry(
          new MemoryCatalog(),
          peer,
          new NodeRegistry.Self("n", "id"),
          n -> List.of(),
          Clock.systemUTC());

  /** A node that is being connected to. */
  private static final class Peer implements PeerLinks, Link {
    final CompletableFuture<Void> tried = new CompletableFuture<>();
    final CompletableFuture<Void> answered = new CompletableFuture<>();
    volatile boolean up;

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
      return tried.thenApply(v -> null);
    }

    @Override
    public CompletableFuture<Void> answered(String name) {
      return answered.thenApply(v -> null);
    }

    @Override
    public Status status(String name) {
      return Status.offline("a connection is being made");
    }

    @Override
    public Optional<Link> to(String node) {
      return Optional.of(this);
    }

    @Override
    public String node() {
      return "b";
    }

    @Override
    public boolean isUp() {
      return up;
    }

    @Override
    public long roundTripNanos() {
      return 0;
    }

    @Override
    public CompletableFuture<LinkReply> call(LinkRequest r, Priority priority, Duration limit) {
      throw new AssertionError("nobody asks anything");
    }

    @Override
    public CompletableFuture<LinkReply> call(
        LinkRequest request,
        Priority priority,
        Duration limit,
        CompletableFuture<Void> withdrawal) {
      return call(request, priority, limit);
    }
  }

  @Test
  void aCommandRightAfterAStartWaitsUntilItIsKnownWhetherTheNodeCanBeReached() {
    nodes.add("b", "127.0.0.1:1");
    CompletableFuture<Link> command = CompletableFuture.supplyAsync(() -> nodes.online("b"));
    await().until(() -> peer.tried.getNumberOfDependents() > 0);
    peer.up = true;
    peer.tried.complete(null);
    assertSame(peer, command.join());
  }

  @Test
  void aCommandWaitsForANodeThatIsAboutToBeReachedAndGetsTheWayToIt() {
    nodes.add("b", "127.0.0.1:1");
    peer.tried.complete(null);
    CompletableFuture<Link> command = CompletableFuture.supplyAsync(() -> nodes.awaitOnline("b"));
    await().until(() -> peer.answered.getNumberOfDependents() > 0);
    peer.up = true;
    peer.answered.complete(null);
    assertSame(peer, command.join());
  }

  @Test
  void aCommandIsRefusedOnceANodeHasAnsweredThatItRefuses() {
    nodes.add("b", "127.0.0.1:1");
    peer.tried.complete(null);
    peer.answered.complete(null);
    assertThrows(Refusal.class, () -> nodes.awaitOnline("b"));
  }

  @Test
  void aNodeThatCouldNotBeReachedIsRefused() {
    nodes.add("b", "127.0.0.1:1");
    peer.tried.complete(null);
    assertThrows(Refusal.class, () -> nodes.online("b"));
  }
}
