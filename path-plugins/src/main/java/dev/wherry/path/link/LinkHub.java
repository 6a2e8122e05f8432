package dev.wherry.path.link;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import org.jspecify.annotations.Nullable;

/**
 * All links of one node. It dials every node that was added, and serves those that dial it.
 * Requests go from the dialer to the listener only; so two nodes that know each other have two
 * connections, and neither direction waits for the other. Safe on any thread; never blocks.
 */
public final class LinkHub implements Links {
  /** Told who a node was the first time it was met, to be given to {@link #add} ever after. */
  @FunctionalInterface
  public interface Pins {
    /** Called on an event loop, with the hub held: never blocks, and asks nothing of the hub. */
    void met(String node, UUID uuid);
  }

  private static final String IT_IS = "it is node ";
  private static final String NOT = ", not ";

  private final LinkOptions options;
  private final LinkSockets sockets;
  private final LinkService service;
  private final Pins pins;
  private final long life = new SecureRandom().nextLong() | 1;
  private final Map<String, Peer> peers = new ConcurrentSkipListMap<>();
  private @Nullable LinkServer server;
  private boolean closed;

  private static final class Peer {
    final LinkClient client;
    final ServerSession session;
    @Nullable UUID uuid;

    Peer(LinkClient client, ServerSession session, @Nullable UUID uuid) {
      this.client = client;
      this.session = session;
      this.uuid = uuid;
    }
  }

  /**
   * @param service answers what others ask
   * @param pins told of nodes that were met for the first time
   * @throws IllegalArgumentException if the event loops are neither epoll nor NIO
   */
  public LinkHub(LinkOptions options, LinkService service, Pins pins) {
    this(options, service, pins, null);
  }

  /**
   * As the other one, or for nodes of this machine alone.
   *
   * @param folder what is listened on and dialed is the unix socket {@code PORT.sock} there, for
   *     those who have access to the folder; null for TCP
   */
  public LinkHub(LinkOptions options, LinkService service, Pins pins, @Nullable Path folder) {
    this.options = options;
    this.sockets = LinkSockets.of(options.group(), folder);
    this.service = service;
    this.pins = pins;
  }

  /**
   * Lets other nodes in. At most once.
   *
   * @return the address that it listens on; fails with the bind's exception
   */
  public CompletableFuture<InetSocketAddress> listen(InetSocketAddress address) {
    return LinkServer.listen(this, options, sockets, address)
        .thenCompose(
            s -> {
              synchronized (this) {
                if (!closed) {
                  server = s;
                  return CompletableFuture.completedFuture(s.address());
                }
              }
              return s.close()
                  .thenCompose(
                      v -> CompletableFuture.failedFuture(new LinkException("closed", true)));
            });
  }

  /**
   * Gets to know a node: dials it from now on, and lets it in.
   *
   * @param name by which it knows itself
   * @param address looked up at each attempt if it is unresolved
   * @param uuid that {@link Pins} was told, or null if it was never met
   * @throws IllegalArgumentException if it is known already, or is this node
   */
  public void add(String name, InetSocketAddress address, @Nullable UUID uuid) {
    Peer peer;
    synchronized (this) {
      if (name.equals(options.identity().name())) {
        throw new IllegalArgumentException("node " + name + " is this node");
      }
      if (peers.containsKey(name)) {
        throw new IllegalArgumentException("node " + name + " is known already");
      }
      if (closed) {
        throw new IllegalArgumentException("node " + name + " comes too late: the link is closed");
      }
      Traffic traffic = new Traffic();
      peer =
          new Peer(
              new LinkClient(this, options, sockets, name, address, traffic),
              new ServerSession(this, options, name, traffic),
              uuid);
      peers.put(name, peer);
    }
    peer.client.start();
  }

  /**
   * Forgets a node: what waits for it fails, and it is not let in any more.
   *
   * @return completes when its connections are closed; whether it was known
   */
  public CompletableFuture<Boolean> remove(String name) {
    Peer peer;
    synchronized (this) {
      peer = peers.remove(name);
    }
    if (peer == null) {
      return CompletableFuture.completedFuture(false);
    }
    return end(peer, "node " + name + " was removed").thenApply(v -> true);
  }

  /**
   * Dials a node that is known at another address, once, and hangs up. What waits for the node at
   * its own address is not touched; but if it is the same node, its connections begin anew.
   *
   * @return never fails; completes within the time that a connection may take, and a lookup
   */
  public CompletableFuture<LinkProbe> probe(String name, InetSocketAddress address) {
    LinkClient dialer = new LinkClient(this, options, sockets, name, address, new Traffic());
    dialer.look();
    return dialer
        .first()
        .whenComplete((probe, failure) -> dialer.close("it was to see who is there"));
  }

  /**
   * When the first attempt to reach a node since it was added has ended, well or ill: until then it
   * is not known whether it can be reached.
   *
   * @return never fails; completes within the time that a connection may take, and a lookup, or
   *     when the node is removed; done where it is not known
   */
  public CompletableFuture<Void> tried(String name) {
    Peer p = peers.get(name);
    return p == null
        ? CompletableFuture.completedFuture(null)
        : p.client.first().handle((probe, failure) -> null);
  }

  /**
   * When a node answers, be it that it refuses this one.
   *
   * @return never fails; done where it does, where it is not known, and when it is removed. Whoever
   *     completes it waits no more, and has to at some time: there are nodes that never answer
   */
  public CompletableFuture<Void> answered(String name) {
    Peer p = peers.get(name);
    return p == null ? CompletableFuture.completedFuture(null) : p.client.answered();
  }

  private static CompletableFuture<Void> end(Peer peer, String why) {
    peer.session.close(why);
    return peer.client.close(why);
  }

  @Override
  public Optional<Link> to(String node) {
    return Optional.ofNullable(peers.get(node)).map(p -> p.client);
  }

  @Override
  public List<String> nodes() {
    return List.copyOf(peers.keySet());
  }

  /** The nodes that were added, by name. */
  public List<LinkPeer> peers() {
    List<LinkPeer> all = new ArrayList<>();
    peers.forEach((name, p) -> all.add(show(name, p.client)));
    return all;
  }

  /** One of them. */
  public Optional<LinkPeer> peer(String name) {
    return Optional.ofNullable(peers.get(name)).map(p -> show(name, p.client));
  }

  private static LinkPeer show(String name, LinkClient c) {
    LinkClient.Status s = c.status();
    InetSocketAddress a = c.address();
    return new LinkPeer(
        name,
        a.getHostString() + ":" + a.getPort(),
        s.state(),
        s.reason(),
        c.roundTripNanos(),
        c.traffic().stats());
  }

  /** What went over all links of nodes that are known now. */
  public LinkStats stats() {
    LinkStats sum = LinkStats.NONE;
    for (Peer p : peers.values()) {
      sum = sum.plus(p.client.traffic().stats());
    }
    return sum;
  }

  /** Ends all; calls that wait fail. Completes when all connections are closed. */
  public CompletableFuture<Void> close() {
    List<CompletableFuture<Void>> all = new ArrayList<>();
    synchronized (this) {
      closed = true;
      if (server != null) {
        all.add(server.close());
      }
    }
    peers.forEach((name, p) -> all.add(end(p, "this node is closing its links")));
    return CompletableFuture.allOf(all.toArray(new CompletableFuture<?>[0]));
  }

  LinkService service() {
    return service;
  }

  /** Tells this life of the daemon from those before and after. Never 0. */
  long life() {
    return life;
  }

  /** What the requests of a node come to, or null if it is not known (any more). */
  @Nullable ServerSession session(String node) {
    Peer p = peers.get(node);
    return p == null ? null : p.session;
  }

  /** A node has dialed us, so it may be worth to dial it. */
  void heardOf(String node) {
    Peer p = peers.get(node);
    if (p != null) {
      p.client.poke();
    }
  }

  /** Why a dialer is refused, or null; it reads the same on both sides. */
  @Nullable String admit(Greeting.Hello h) {
    LinkIdentity self = options.identity();
    if (!h.expected().equals(self.name())) {
      return IT_IS + self.name() + NOT + h.expected();
    }
    return accept(h.from());
  }

  /** Whether a refusal is that of a node that has another name than the dialer expected. */
  static boolean saysOtherName(String why, String expected) {
    return why.startsWith(IT_IS) && why.endsWith(NOT + expected);
  }

  /** Why a node is not taken for what it says, or null; at the first contact it is pinned. */
  @Nullable String accept(LinkIdentity other) {
    LinkIdentity self = options.identity();
    if (other.equals(self)) {
      return "node " + self.name() + " has dialed itself";
    }
    if (other.name().equals(self.name())) {
      return "there are two nodes named " + self.name();
    }
    if (other.uuid().equals(self.uuid())) {
      return "nodes "
          + other.name()
          + " and "
          + self.name()
          + " have one identity: the data directory of one is a copy of the other's";
    }
    synchronized (this) {
      Peer p = peers.get(other.name());
      if (p == null) {
        return "node " + self.name() + " does not know node " + other.name() + " yet: add it there";
      }
      UUID known = p.uuid;
      if (known == null) {
        for (Map.Entry<String, Peer> e : peers.entrySet()) {
          if (other.uuid().equals(e.getValue().uuid)) {
            return "nodes " + other.name() + " and " + e.getKey() + " have one identity";
          }
        }
        p.uuid = other.uuid();
        // Before another connection finds it known.
        pins.met(other.name(), other.uuid());
      } else if (!known.equals(other.uuid())) {
        return "node "
            + self.name()
            + " knows another node by the name "
            + other.name()
            + ", with identity "
            + known;
      }
    }
    return null;
  }
}
