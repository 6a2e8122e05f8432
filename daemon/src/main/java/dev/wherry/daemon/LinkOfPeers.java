package dev.wherry.daemon;

import dev.wherry.daemon.node.LinkAddress;
import dev.wherry.daemon.node.PeerLinks;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkHub;
import dev.wherry.path.link.LinkPeer;
import dev.wherry.path.link.LinkState;
import dev.wherry.path.link.LinkStats;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** The links, by the hub. */
final class LinkOfPeers implements PeerLinks {
  private final LinkHub hub;

  LinkOfPeers(LinkHub hub) {
    this.hub = hub;
  }

  @Override
  public void add(String name, LinkAddress address, @Nullable String uuid) {
    hub.remove(name);
    hub.add(name, unresolved(address), uuid == null ? null : UUID.fromString(uuid));
  }

  private static InetSocketAddress unresolved(LinkAddress address) {
    return InetSocketAddress.createUnresolved(address.host(), address.port());
  }

  @Override
  public CompletableFuture<Stranger> probe(String name, LinkAddress address) {
    return hub.probe(name, unresolved(address))
        .thenApply(
            p ->
                p.state() == LinkState.REFUSED
                    ? new Stranger(true, p.another(), p.reason())
                    : Stranger.NONE);
  }

  @Override
  public CompletableFuture<Void> tried(String name) {
    return hub.tried(name);
  }

  @Override
  public CompletableFuture<Void> answered(String name) {
    return hub.answered(name);
  }

  @Override
  public void remove(String name) {
    hub.remove(name);
  }

  @Override
  public Status status(String name) {
    Optional<LinkPeer> peer = hub.peer(name);
    if (peer.isEmpty()) {
      return Status.offline("it is not connected to");
    }
    LinkPeer p = peer.get();
    LinkStats t = p.traffic();
    String state =
        switch (p.state()) {
          case UP -> Status.ONLINE;
          case REFUSED -> Status.REFUSED;
          case CONNECTING, DOWN -> Status.OFFLINE;
        };
    boolean silent = !state.equals(Status.ONLINE) && p.reason().isEmpty();
    return new Status(
        state,
        silent ? "a connection is being made" : p.reason(),
        t.sentRaw() + t.receivedRaw(),
        t.sentWire() + t.receivedWire());
  }

  @Override
  public List<String> nodes() {
    return hub.nodes();
  }

  @Override
  public Optional<Link> to(String node) {
    return hub.to(node);
  }
}
