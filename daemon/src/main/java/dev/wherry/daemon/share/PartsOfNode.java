package dev.wherry.daemon.share;

import dev.wherry.daemon.node.NodeRegistry;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.daemon.volume.Recovery;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.path.link.LinkService;
import dev.wherry.path.link.Links;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All that a node does with others, put together. Made before the volumes are opened; {@link
 * #service} is given to the links, and {@link #start} begins the work behind.
 */
public final class PartsOfNode {
  private static final Logger log = LoggerFactory.getLogger(PartsOfNode.class);
  private static final long SWEEP_MILLIS = 500;
  private static final long LOOK_MILLIS = 5;

  private final VolumeRegistry registry;
  private final PeerRequests requests;
  private final Sharing sharing;
  private final HandOvers handOvers;
  private final SharePolicies policies;
  private final Removal removal;
  private final Emulation emulation;
  private final LiveSwap swap;
  private final Recovery recovery;
  private final Executor threads;
  private volatile @Nullable ScheduledFuture<?> sweeping;

  /**
   * What they need.
   *
   * @param workers for files; may block
   * @param threads for what other nodes ask and for the work behind; may block, and refuse
   * @param ioTimeout how long a host's request waits for another node
   */
  public record Needs(
      VolumeRegistry registry,
      NodeRegistry nodes,
      Links links,
      DataDirectory data,
      Executor workers,
      Executor threads,
      Clock clock,
      Duration ioTimeout) {}

  public PartsOfNode(Needs needs) {
    registry = needs.registry;
    threads = needs.threads;
    String node = needs.nodes.self().name();
    MapFiles maps = new MapFiles(needs.data, new JournalFormat(needs.workers));
    Engines engines =
        new Engines(registry, maps, node, needs.links, needs.workers, needs.ioTimeout);
    registry.shared(engines);
    StoreMaker maker = new StoreMaker(maps);
    StoreRoom room = new StoreRoom(registry);
    swap = new LiveSwap(registry, engines, node);
    recovery = new Recovery(registry);
    requests =
        new PeerRequests(
            registry,
            new StandbyPart(registry, needs.nodes, needs.data, room, maker, swap, needs.clock),
            threads,
            registry.scheduler(),
            needs.ioTimeout);
    Standing standing = new Standing(node);
    PeerQuestions peers = new PeerQuestions(needs.nodes);
    sharing = new Sharing(registry, needs.nodes, standing, peers, swap);
    handOvers = new HandOvers(registry, needs.nodes, standing, swap);
    policies = new SharePolicies(registry.catalog(), registry.handlers().readPolicies());
    removal = new Removal(registry, peers);
    emulation = new Emulation(registry, needs.data, maker, node, needs.clock);
  }

  /** Answers other nodes. */
  public LinkService service() {
    return requests;
  }

  public Sharing sharing() {
    return sharing;
  }

  public HandOvers handOvers() {
    return handOvers;
  }

  public SharePolicies policies() {
    return policies;
  }

  public Removal removal() {
    return removal;
  }

  public Emulation emulation() {
    return emulation;
  }

  /** Begins to look for volumes whose engine is not needed any more, or has failed. */
  public void start() {
    sweeping =
        registry
            .scheduler()
            .scheduleWithFixedDelay(this::sweep, SWEEP_MILLIS, SWEEP_MILLIS, TimeUnit.MILLISECONDS);
  }

  /**
   * Takes an engine away that is not needed any more, sooner than it would be: the volume is shown
   * as plain already. Nobody else changes the volume. Blocks.
   */
  public void settle(VolumeEntry entry) {
    swap.settle(entry);
  }

  private void sweep() {
    try {
      registry.list().forEach(recovery::look);
    } catch (RuntimeException e) {
      // Thrown on, it would be the last time that anybody looks.
      log.error("failed volumes are looked for again later", e);
    }
    if (registry.list().stream().anyMatch(LiveSwap::isNeedless)) {
      try {
        threads.execute(() -> swap.sweep(registry.list()));
      } catch (RejectedExecutionException e) {
        log.debug("volumes are made plain later: {}", e.toString());
      }
    }
  }

  /**
   * Serves other nodes no more: what they ask from now on is not answered, so that they ask again
   * when this node is back. Blocks until what runs has ended, or the limit is over.
   *
   * @return true if nothing runs
   */
  public boolean stop(Duration limit) throws InterruptedException {
    ScheduledFuture<?> s = sweeping;
    if (s != null) {
      s.cancel(false);
    }
    recovery.close();
    requests.close();
    long end = System.nanoTime() + limit.toNanos();
    while (requests.running() > 0 && System.nanoTime() < end) {
      TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
    }
    return requests.running() == 0;
  }

  /** Forgets what was not answered; the links are closed. */
  public void end() {
    requests.end();
  }
}
