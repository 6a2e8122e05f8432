package dev.wherry.daemon.node;

import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.PeerRecord;
import dev.wherry.daemon.volume.Await;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.path.link.Link;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All nodes that were added. Methods that change something block for a commit; the others do not
 * and are safe anywhere.
 */
public final class NodeRegistry {
  private static final Logger log = LoggerFactory.getLogger(NodeRegistry.class);
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,63}");
  private static final Duration PROBE_LIMIT = Duration.ofSeconds(15);
  private static final Duration TRIED_LIMIT = Duration.ofSeconds(15);
  private static final int MOST = 256;

  /** Longer than the pause between two attempts to connect. */
  private static final Duration SOON = Duration.ofSeconds(3);

  /** This node. */
  public record Self(String name, String uuid) {}

  private final Catalog catalog;
  private final PeerLinks links;
  private final Self self;
  private final Function<String, List<String>> needs;
  private final Clock clock;
  private final Map<String, PeerRecord> peers = new ConcurrentSkipListMap<>();
  private final Object changes = new Object();
  private volatile String listening = "";
  private volatile Runnable onOthers = () -> {};

  /**
   * @param needs the volumes that need a node
   */
  public NodeRegistry(
      Catalog catalog,
      PeerLinks links,
      Self self,
      Function<String, List<String>> needs,
      Clock clock) {
    this.catalog = catalog;
    this.links = links;
    this.self = self;
    this.needs = needs;
    this.clock = clock;
  }

  /** Begins to connect to the nodes that were added before. */
  public void start() {
    for (PeerRecord p : catalog.peers()) {
      if (p.name().equals(self.name)) {
        log.warn("node {} was added as another node, and is this one; it is left alone", p.name());
        continue;
      }
      peers.put(p.name(), p);
      links.add(p.name(), LinkAddress.parse(p.link()), p.uuid());
    }
  }

  /**
   * Where others connect to this node.
   *
   * @param link HOST:PORT
   */
  public void listening(String link) {
    listening = link;
  }

  /**
   * Has something done when there are other nodes: now, and whenever one is added.
   *
   * @param action runs on any thread; never blocks nor fails
   */
  public void onOthers(Runnable action) {
    onOthers = action;
    if (!peers.isEmpty()) {
      action.run();
    }
  }

  public Self self() {
    return self;
  }

  /** Whether the node was added, and can be asked for something. */
  public boolean knows(String name) {
    return peers.containsKey(name);
  }

  /**
   * The nodes, this one first.
   *
   * @param serves whether this one does
   */
  public List<NodeView> list(boolean serves) {
    List<NodeView> all = new ArrayList<>();
    String state = serves ? PeerLinks.Status.ONLINE : "stopping";
    all.add(new NodeView(self.name, self.uuid, listening, true, state, "", 0, 0, 0));
    peers.values().forEach(p -> all.add(view(p)));
    return all;
  }

  /**
   * Adds a node, whether it can be reached or not; one that is there gets the new address, unless
   * another node answers there.
   */
  public NodeView add(String name, String link) {
    check(name);
    LinkAddress address = LinkAddress.parse(link);
    if (name.equals(self.name)) {
      throw Refusal.impossible("node " + name + " is this node itself");
    }
    if (address.toString().equals(listening)) {
      throw Refusal.impossible("link " + address + " is the one of this node itself");
    }
    synchronized (changes) {
      for (PeerRecord other : peers.values()) {
        if (!other.name().equals(name) && other.link().equals(address.toString())) {
          throw Refusal.conflict("link " + address + " is the one of node " + other.name());
        }
      }
      refuseStranger(name, address);
      PeerRecord before = peers.get(name);
      if (before == null && peers.size() >= MOST) {
        throw Refusal.conflict(MOST + " nodes are known, and no more can be");
      }
      PeerRecord wanted =
          before == null
              ? new PeerRecord(name, address.toString(), null, clock.millis())
              : before.withLink(address.toString());
      if (!wanted.equals(before)) {
        commit(wanted);
        peers.put(name, wanted);
        links.add(name, address, wanted.uuid());
        log.info("node {} added at {}", name, address);
        onOthers.run();
      }
      return view(wanted);
    }
  }

  /**
   * A node that was met is at an address where a connection to it can be made, or nobody answers.
   * While its link works, whoever refuses this node at another address is somebody else.
   */
  private void refuseStranger(String name, LinkAddress address) {
    PeerRecord known = peers.get(name);
    if (known == null || known.uuid() == null || known.link().equals(address.toString())) {
      return;
    }
    PeerLinks.Stranger there =
        links
            .probe(name, address)
            .completeOnTimeout(
                PeerLinks.Stranger.NONE, PROBE_LIMIT.toMillis(), TimeUnit.MILLISECONDS)
            .join();
    boolean works = links.status(name).state().equals(PeerLinks.Status.ONLINE);
    if (there.another() || (there.answered() && works)) {
      throw Refusal.conflict(
          "link "
              + address
              + " is not the one of node "
              + name
              + " as it is known here"
              + (works ? ", and answers at " + known.link() : "")
              + ": "
              + there.reason());
    }
  }

  /** Forgets a node that no volume needs. */
  public void remove(String name) {
    check(name);
    synchronized (changes) {
      if (!peers.containsKey(name)) {
        throw name.equals(self.name)
            ? Refusal.impossible("node " + name + " is this node itself")
            : unknown(name);
      }
      List<String> users = needs.apply(name);
      if (!users.isEmpty()) {
        throw Refusal.conflict(
            "node " + name + " has a part in volume " + String.join(", ", users));
      }
      Await.committed(catalog.removePeer(name));
      peers.remove(name);
      links.remove(name);
      log.info("node {} removed", name);
    }
  }

  /**
   * Remembers who a node is, the first time that it is spoken to. Called on any thread; never
   * blocks.
   */
  public void met(String name, String uuid) {
    PeerRecord p = peers.get(name);
    if (p != null && p.uuid() == null) {
      PeerRecord known = p.withUuid(uuid);
      if (peers.replace(name, p, known)) {
        catalog
            .put(known)
            .whenComplete(
                (v, e) -> {
                  if (e != null) {
                    log.warn("node {}: who it is cannot be remembered: {}", name, e.toString());
                  }
                });
      }
    }
  }

  /**
   * The link to a node that is online, or a refusal. Right after a start it waits until it is known
   * whether the node can be reached.
   */
  public Link online(String name) {
    if (!peers.containsKey(name)) {
      throw unknown(name);
    }
    awaitTried(name);
    Link link = links.to(name).orElseThrow(() -> unknown(name));
    if (!link.isUp()) {
      String reason = links.status(name).reason();
      throw Refusal.conflict(
          "node " + name + " cannot be reached" + (reason.isEmpty() ? "" : ": " + reason));
    }
    return link;
  }

  /** As {@link #online}, also of a node that is about to be reached. Blocks, as long as both do. */
  public Link awaitOnline(String name) {
    awaitAnswer(name);
    return online(name);
  }

  /**
   * Waits for a node that is about to be reached: one that was started anew is connected to a
   * moment after it serves. Blocks, for a few seconds, or for as long as {@link #online} does; not
   * for one that answers, or is unknown.
   */
  public void awaitAnswer(String name) {
    awaitTried(name);
    links.answered(name).completeOnTimeout(null, SOON.toMillis(), TimeUnit.MILLISECONDS).join();
  }

  private void awaitTried(String name) {
    links.tried(name).completeOnTimeout(null, TRIED_LIMIT.toMillis(), TimeUnit.MILLISECONDS).join();
  }

  private void commit(PeerRecord peer) {
    Await.committed(catalog.put(peer));
  }

  private NodeView view(PeerRecord p) {
    PeerLinks.Status s = links.status(p.name());
    double rtt = links.to(p.name()).map(l -> l.roundTripNanos() / 1e6).orElse(0.0);
    return new NodeView(
        p.name(),
        p.uuid(),
        p.link(),
        false,
        s.state(),
        s.reason(),
        rtt,
        s.rawBytes(),
        s.wireBytes());
  }

  private static Refusal unknown(String name) {
    return new Refusal(Refusal.Kind.UNKNOWN, "node " + name + " is unknown; add it first");
  }

  private static void check(String name) {
    if (!NAME.matcher(name).matches()) {
      String shown = name.replaceAll("\\p{Cntrl}", "?");
      throw Refusal.malformed(
          "node '"
              + (shown.length() > 80 ? shown.substring(0, 80) + "…" : shown)
              + "' is not 1 to 64 of A-Z a-z 0-9 . _ -, starting with a letter, a digit or _");
    }
  }
}
