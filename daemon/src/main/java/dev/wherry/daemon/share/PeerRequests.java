package dev.wherry.daemon.share;

import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.Suid;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.LinkService;
import dev.wherry.path.link.Priority;
import dev.wherry.path.shared.Rival;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import io.netty.buffer.ByteBufUtil;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers other nodes: what is about a volume's blocks goes to its engine; what is about having a
 * part in it goes to threads that may block. A request for a volume that is about to be served is
 * held until it is.
 */
final class PeerRequests implements LinkService {
  private static final Logger log = LoggerFactory.getLogger(PeerRequests.class);
  private static final long LOOK_MILLIS = 20;

  private final VolumeRegistry registry;
  private final StandbyPart part;
  private final Executor threads;
  private final ScheduledExecutorService timer;
  private final Duration limit;
  private final AtomicInteger running = new AtomicInteger();
  private final Set<CompletableFuture<LinkReply>> unanswered = ConcurrentHashMap.newKeySet();
  private volatile boolean closing;

  /**
   * @param threads may block, and refuse when too much waits
   * @param limit how long a request is held for a volume that is not served yet
   */
  PeerRequests(
      VolumeRegistry registry,
      StandbyPart part,
      Executor threads,
      ScheduledExecutorService timer,
      Duration limit) {
    this.registry = registry;
    this.part = part;
    this.threads = threads;
    this.timer = timer;
    this.limit = limit;
  }

  @Override
  public CompletableFuture<LinkReply> serve(String from, LinkRequest request, Priority priority) {
    if (closing) {
      return never();
    }
    running.incrementAndGet();
    CompletableFuture<LinkReply> reply =
        switch (request.op()) {
          case SHARE, UNSHARE, LEAVE -> parts(from, request);
          default -> blocks(from, request, priority, System.nanoTime());
        };
    return reply.whenComplete((r, e) -> running.decrementAndGet());
  }

  /**
   * Going down: the node that asks hears nothing, and asks again when this one is back. Its hosts
   * see a pause instead of an error.
   */
  private CompletableFuture<LinkReply> never() {
    CompletableFuture<LinkReply> held = new CompletableFuture<>();
    unanswered.add(held);
    return held;
  }

  /** Begins no more requests. */
  void close() {
    closing = true;
  }

  /** How many requests are being served. */
  int running() {
    return running.get();
  }

  /** Ends what was held, when nobody can hear it any more. */
  void end() {
    unanswered.forEach(
        f -> f.complete(LinkReply.error(NbdError.ESHUTDOWN, 0, "the node is going down")));
  }

  @Override
  public void up(String node) {
    for (VolumeEntry e : registry.list()) {
      SharedVolume engine = e.engine();
      if (engine != null) {
        engine.up(node);
      }
    }
  }

  // ------------------------------------------------------------------ parts of volumes

  private CompletableFuture<LinkReply> parts(String from, LinkRequest request) {
    byte[] payload = ByteBufUtil.getBytes(request.payload());
    try {
      return CompletableFuture.supplyAsync(() -> part(from, request, payload), threads);
    } catch (RejectedExecutionException e) {
      return CompletableFuture.completedFuture(
          LinkReply.not(Status.REFUSED, 0, "too many requests wait"));
    }
  }

  private LinkReply part(String from, LinkRequest request, byte[] payload) {
    String suid = request.suid();
    try {
      Suid.check(suid);
      switch (request.op()) {
        case SHARE -> part.take(from, suid, ShareOffer.of(payload));
        case UNSHARE -> part.giveBack(from, suid, request.epoch());
        default -> part.left(from, suid);
      }
      return LinkReply.ok(request.epoch());
    } catch (Refusal e) {
      log.info("volume {}: {} of node {} refused: {}", suid, request.op(), from, e.getMessage());
      return Refusals.reply(e);
    } catch (RuntimeException e) {
      log.error("volume {}: {} of node {} failed", suid, request.op(), from, e);
      return LinkReply.error(NbdError.EIO, 0, "internal error: " + e);
    }
  }

  // ------------------------------------------------------------------ blocks of volumes

  private CompletableFuture<LinkReply> blocks(
      String from, LinkRequest request, Priority priority, long since) {
    Optional<VolumeEntry> found = registry.find(request.suid());
    if (found.isEmpty() || found.get().leaving()) {
      return CompletableFuture.completedFuture(
          LinkReply.not(
              Status.UNKNOWN, 0, "volume " + request.suid() + " does not exist at this node"));
    }
    VolumeEntry entry = found.get();
    SharedVolume engine = entry.engine();
    if (engine != null) {
      return engine.serve(from, request, priority);
    }
    if (isComing(entry)) {
      if (closing) {
        return never();
      }
      if (priority == Priority.CONTROL && entry.volume() == null && entry.isFailed()) {
        // No host waits: an operator does, and can do something about it.
        return CompletableFuture.completedFuture(
            LinkReply.not(
                Status.REFUSED, 0, "volume " + entry.suid() + " is failed: " + entry.reason()));
      }
      if (System.nanoTime() - since > limit.toNanos()) {
        return CompletableFuture.completedFuture(
            LinkReply.error(
                NbdError.EIO,
                0,
                "volume " + entry.suid() + " is not served: " + String.valueOf(entry.reason())));
      }
      CompletableFuture<LinkReply> later = new CompletableFuture<>();
      timer.schedule(
          () ->
              blocks(from, request, priority, since)
                  .whenComplete(
                      (reply, e) -> {
                        if (e == null) {
                          later.complete(reply);
                        } else {
                          later.completeExceptionally(e);
                        }
                      }),
          LOOK_MILLIS,
          TimeUnit.MILLISECONDS);
      return later;
    }
    ShareState state = entry.shareState();
    String rival =
        state == null || state.role() != Role.OWNER
            ? null
            : Rival.asking(state, state.owner(), from, request);
    if (rival != null && !rival.equals(entry.rival())) {
      log.warn("volume {}: {}", entry.suid(), rival);
      entry.rival(rival);
    }
    return CompletableFuture.completedFuture(
        state == null
            ? LinkReply.not(Status.UNKNOWN, 0, "volume " + entry.suid() + " is not shared")
            : LinkReply.stale(state.epoch(), state.owner()));
  }

  /** Whether it is shared and not open yet, or is just becoming shared. */
  private static boolean isComing(VolumeEntry entry) {
    return entry.volume() == null ? entry.shareState() != null : entry.isBusy();
  }
}
