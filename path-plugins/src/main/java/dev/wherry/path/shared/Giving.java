package dev.wherry.path.shared;

import dev.wherry.path.VolumeState;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import io.netty.buffer.ByteBuf;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The owner's side of a hand-over, as {@link Ownership} draws it. */
final class Giving {
  /** How long changes are noted for a taker that has prepared; one that comes later asks again. */
  private static final long NOTED_MINUTES = 10;

  /** How soon a promise is taken back again where that could not be put. */
  private static final long AGAIN_MILLIS = 1000;

  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  /** Flag of HANDOVER: the taker was the owner before, and its store is that of then. */
  static final int FORMER = 1;

  /** Flag of PLEDGE: the taker does not come, and gives the promise back. */
  static final int BACK = 2;

  /**
   * What a taker says of itself in PREPARE, DIFFERENCES and HANDOVER.
   *
   * @param session under which it was sent blocks ahead; 0 if it was not
   * @param number of its try
   */
  record Asked(long session, long number) {
    /** Two longs. */
    ByteBuf write() {
      return Payloads.buffer(16).writeLong(session).writeLong(number);
    }

    static Asked read(ByteBuf in) {
      if (in.readableBytes() != 16) {
        throw new IllegalArgumentException(
            in.readableBytes() + " bytes for a session and the number of a try");
      }
      return new Asked(in.getLong(in.readerIndex()), in.getLong(in.readerIndex() + 8));
    }
  }

  private final Core core;
  private final Moves moves;
  private final Starting starting;
  private @Nullable Prepared prepared;
  private @Nullable ScheduledFuture<?> expiry;
  private final AtomicReference<@Nullable Promise> promise = new AtomicReference<>();

  /** Members that are being asked whether they leave. */
  private final Set<String> leaving = ConcurrentHashMap.newKeySet();

  Giving(Core core, Moves moves, Starting starting) {
    this.core = core;
    this.moves = moves;
    this.starting = starting;
  }

  /**
   * The owner flushes while it serves, and takes note of what changes from then on, so that little
   * is left for the hand-over.
   */
  CompletableFuture<LinkReply> prepare(String from, LinkRequest request) {
    ShareState s = core.state();
    if (s.fence() == null && request.epoch() > s.epoch()) {
      return core.knownOwner()
          .catchUp(request.epoch())
          .thenCompose(met -> met ? prepare(from, request) : stale());
    }
    if (s.role() != Role.OWNER || s.fence() != null || request.epoch() != s.epoch()) {
      return stale();
    }
    if (!starting.isOver()) {
      return starting.soonOver().thenCompose(v -> prepare(from, request));
    }
    Asked asked = Asked.read(request.payload());
    return core.inner()
        .flush()
        .thenApply(
            v -> {
              watch(from, asked, isSource(from, core.state()) && isFormer(request));
              return LinkReply.ok(s.epoch());
            });
  }

  private synchronized void watch(String from, Asked asked, boolean returned) {
    forgetPrepared();
    LayeredStore store = core.store();
    if (store != null) {
      Prepared p = Prepared.begin(from, asked.number, asked.session, returned, store, core.marks());
      prepared = p;
      expiry = core.parts().timer().schedule(() -> expire(p), NOTED_MINUTES, TimeUnit.MINUTES);
    }
  }

  private synchronized void expire(Prepared p) {
    Prepared now = prepared;
    if (now != null && now.number() == p.number()) {
      forgetPrepared();
    }
  }

  /** A node has no part any more: nothing is noted for it. */
  void forget(String node) {
    expectNoMore(node);
    synchronized (this) {
      Prepared p = prepared;
      if (p != null && p.to().equals(node)) {
        forgetPrepared();
      }
    }
  }

  /** A node does not get the ownership from now on; what it was promised is void, durably. */
  CompletableFuture<Void> leaving(String node) {
    leaving.add(node);
    forget(node);
    return core.update(
            s -> {
              core.requireOwner(s);
              ShareState.Pledge p = s.pledge();
              return p != null && p.to().equals(node) ? s.withPledge(null) : s;
            })
        .thenAccept(s -> expectNoMore(node));
  }

  /** It has left, or does not. */
  void stays(String node) {
    leaving.remove(node);
  }

  private synchronized void forgetPrepared() {
    Prepared p = prepared;
    prepared = null;
    if (expiry != null) {
      expiry.cancel(false);
      expiry = null;
    }
    if (p != null) {
      p.end(core.marks());
    }
  }

  private static boolean isFormer(LinkRequest request) {
    return (request.flags() & FORMER) != 0;
  }

  private static boolean isSource(String node, ShareState s) {
    return NodeSource.name(node).equals(s.source());
  }

  /** What a taker must know that has prepared, or that has been given the ownership. */
  CompletableFuture<LinkReply> differences(String from, LinkRequest request) {
    ShareState s = core.state();
    boolean given = hasGiven(s, from, request);
    boolean owned = s.role() == Role.OWNER && request.epoch() == s.epoch();
    if (s.fence() != null || !(given || owned)) {
      return stale();
    }
    // One that was given the ownership and has left since is to find out what it owns.
    if (owned && !s.members().contains(from)) {
      return refuseStranger(from);
    }
    LayeredStore store = core.requireStore();
    long first = request.offset() / store.blockSize();
    if (first >= store.blocks()) {
      throw new IllegalArgumentException("block " + first + " of " + store.blocks());
    }
    long session = Asked.read(request.payload()).session;
    Differences found =
        isSource(from, s) && isFormer(request)
            ? Differences.returned(store.map(), first, store.blocks())
            : Differences.valid(
                core.marks().valid(from, session, first, store.blocks(), Differences.MOST),
                store.blocks());
    return CompletableFuture.completedFuture(LinkReply.ok(s.epoch(), found.write()));
  }

  private static boolean hasGiven(ShareState s, String to, LinkRequest request) {
    return s.role() == Role.FORMER && s.owner().equals(to) && s.epoch() == request.epoch() + 1;
  }

  private CompletableFuture<LinkReply> stale() {
    return CompletableFuture.completedFuture(core.knownOwner().stale());
  }

  private CompletableFuture<LinkReply> refuse(String why) {
    return CompletableFuture.completedFuture(
        LinkReply.not(Status.REFUSED, core.state().epoch(), why));
  }

  private CompletableFuture<LinkReply> refuseStranger(String node) {
    return refuse(stranger(node));
  }

  private String stranger(String node) {
    return "node " + node + " has no part in volume " + core.suid();
  }

  /**
   * The owner promises the ownership, durably, while it serves. It is free to go on as the owner if
   * nobody comes for it; a crash keeps the promise.
   */
  CompletableFuture<LinkReply> pledge(String from, LinkRequest request) {
    ShareState s = core.state();
    if ((request.flags() & BACK) != 0) {
      expectNoMore(from);
      takeBack(from, request.epoch());
      return CompletableFuture.completedFuture(LinkReply.ok(s.epoch()));
    }
    if (hasGiven(s, from, request)) {
      return CompletableFuture.completedFuture(LinkReply.ok(s.epoch()));
    }
    LinkReply refusal = refusal(s, from, request);
    if (refusal != null) {
      return CompletableFuture.completedFuture(refusal);
    }
    Promise made = new Promise(from, moves);
    long began = core.now();
    return made.still()
        .thenCompose(
            v ->
                core.update(
                    now -> {
                      if (core.now() - began > core.ioTimeout().toNanos() / 2) {
                        // The taker waits no more, or not for long: it may never come.
                        throw new ShareException(
                            Status.REFUSED,
                            "what comes in the background does not come to its end");
                      }
                      LinkReply late = refusal(now, from, request);
                      if (late != null) {
                        late.payload().release();
                        throw new ShareException(
                            Status.REFUSED, "the ownership or its members changed");
                      }
                      return now.withPledge(new ShareState.Pledge(from, false));
                    }))
        .whenComplete(
            (now, failure) -> {
              if (failure == null) {
                expect(made, now.epoch());
              } else {
                made.end();
              }
            })
        .thenApply(now -> LinkReply.ok(now.epoch()));
  }

  /** If the node does not come for it in time, it is not promised any longer. */
  private void expect(Promise made, long epoch) {
    Promise before = promise.getAndSet(made);
    if (before != null) {
      before.end();
    }
    made.endAfter(
        core.ioTimeout(),
        core.parts().timer(),
        () -> {
          if (promise.compareAndSet(made, null)) {
            made.end();
            takeBack(made.to(), epoch);
          }
        });
  }

  /** This node has come, or says that it does not. */
  private void expectNoMore(String node) {
    Promise p = promise.get();
    if (p != null && p.to().equals(node) && promise.compareAndSet(p, null)) {
      p.end();
    }
  }

  /** Nobody has come for what was promised. */
  private void takeBack(String from, long epoch) {
    core.update(
            s -> {
              ShareState.Pledge p = s.pledge();
              return s.epoch() == epoch
                      && s.role() == Role.OWNER
                      && p != null
                      && p.to().equals(from)
                  ? s.withPledge(null)
                  : s;
            })
        .whenComplete(
            (s, failure) -> {
              if (failure != null && !core.isClosing()) {
                LOG.warn(
                    "volume {}: that it is not promised to node {} any more is put later: {}",
                    core.suid(),
                    from,
                    Failures.causeOf(failure).getMessage());
                core.parts()
                    .timer()
                    .schedule(
                        () -> takeBackStill(from, epoch), AGAIN_MILLIS, TimeUnit.MILLISECONDS);
              }
            });
  }

  /** A crash would keep a promise that nobody comes for. */
  private void takeBackStill(String from, long epoch) {
    Promise p = promise.get();
    if (p == null || !p.to().equals(from)) {
      takeBack(from, epoch);
    }
  }

  /** Why a node cannot have the ownership, or null. */
  private @Nullable LinkReply refusal(ShareState s, String from, LinkRequest request) {
    String why = null;
    String source = s.source();
    if (s.fence() != null) {
      why = "it is fenced: " + s.fence();
    } else if (s.role() != Role.OWNER || request.epoch() != s.epoch()) {
      return core.knownOwner().stale();
    } else if (!s.members().contains(from)) {
      why = stranger(from);
    } else if (leaving.contains(from)) {
      why = "node " + from + " is being asked to give its part back";
    } else if (isFormer(request) && source != null && !source.equals(NodeSource.name(from))) {
      why = wayBack(from, source, s.base() != null);
    } else if (s.base() != null && s.base().equals(NodeSource.name(from))) {
      why = "what is not here yet comes from node " + from;
    } else if (isAnew(s, from, request) && core.requireStore().isMissingAny()) {
      why =
          "what is not here yet came from node "
              + from
              + ", which has lost it: its part was made anew since";
    }
    return why == null ? null : LinkReply.not(Status.REFUSED, s.epoch(), why);
  }

  CompletableFuture<LinkReply> asked(String from, LinkRequest request) {
    ShareState s = core.state();
    if (s.fence() == null && hasGiven(s, from, request)) {
      return again(from);
    }
    LinkReply refusal = refusal(s, from, request);
    if (refusal != null) {
      return CompletableFuture.completedFuture(refusal);
    }
    long number = Asked.read(request.payload()).number;
    return core.turns()
        .take(
            "handed over", () -> starting.soonOver().thenCompose(v -> hand(from, request, number)));
  }

  /** Nothing else changes the volume's place; what did may have given it away, or to this taker. */
  private CompletableFuture<LinkReply> hand(String from, LinkRequest request, long number) {
    ShareState s = core.state();
    if (s.fence() == null && hasGiven(s, from, request)) {
      return again(from);
    }
    LinkReply refusal = refusal(s, from, request);
    return refusal == null
        ? hand(from, number, isAnew(s, from, request))
        : CompletableFuture.completedFuture(refusal);
  }

  /**
   * The answer was lost, or the taker was, or it was given by a crash of this node: then nothing of
   * it was flushed yet, and a loss of power has taken from it.
   */
  private CompletableFuture<LinkReply> again(String from) {
    return starting
        .soonOver()
        .thenCompose(v -> core.requireStore().flush().handle((w, failure) -> failure))
        .thenCompose(failure -> failure == null ? Peers.ok() : notFlushed(failure))
        .thenCompose(
            v ->
                core.update(
                    s -> {
                      ShareState.Pledge p = s.pledge();
                      boolean lossy = s.role() == Role.FORMER && p != null && p.lossy();
                      return lossy ? s.withLoss().withPledge(null) : s;
                    }))
        .thenApply(s -> LinkReply.ok(s.epoch(), Prepared.incomplete(isSource(from, s), s).write()));
  }

  /** The next flush might succeed, and what a crash has left in the page cache be lost. */
  private CompletableFuture<Void> notFlushed(Throwable failure) {
    return core.update(
            s -> {
              ShareState.Pledge p = s.pledge();
              return s.isGivenByCrash() && p != null
                  ? s.withPledge(new ShareState.Pledge(p.to(), true))
                  : s;
            })
        .thenCompose(
            s -> {
              core.requireStore().forgetLoss();
              return CompletableFuture.failedFuture(failure);
            });
  }

  /**
   * What the operator can do so that a former owner gets the volume that is not the last one.
   *
   * @param both that node is where blocks come from, too
   */
  private String wayBack(String to, String source, boolean both) {
    String here = core.node();
    String middle = NodeSource.nodeOf(source);
    String release = "'wherry volume release " + core.suid() + "' on node ";
    return middle == null
        ? "what is not on node "
            + here
            + " yet comes from "
            + source
            + ": "
            + release
            + here
            + " first, once all of it is there"
        : "what is not on node "
            + here
            + " yet comes from node "
            + middle
            + ", and some of that from node "
            + to
            + ": "
            + release
            + middle
            + " first, once node "
            + here
            + (both
                ? " has all of it"
                : " has what only node "
                    + middle
                    + " has; or return it by way of node "
                    + middle
                    + ": 'wherry volume return "
                    + core.suid()
                    + " --to "
                    + middle
                    + "' on node "
                    + here);
  }

  /** Whether the taker was this node's source, and is a standby now, which has nothing of that. */
  private static boolean isAnew(ShareState s, String from, LinkRequest request) {
    return isSource(from, s) && !isFormer(request);
  }

  /**
   * @param anew nothing of the taker's store is what this node has: it is no source any more
   */
  private CompletableFuture<LinkReply> hand(String to, long number, boolean anew) {
    return new Standstill(core, moves)
        .during(
            core.requireStore(),
            () -> give(to, number, anew),
            (reply, failure) -> handed(to, failure))
        .exceptionally(
            failure ->
                LinkReply.not(
                    Failures.isNoRoom(failure) ? Status.NO_SPACE : Status.REFUSED,
                    core.state().epoch(),
                    "it could not be handed over: " + Failures.causeOf(failure).getMessage()));
  }

  private CompletableFuture<LinkReply> give(String to, long number, boolean anew) {
    return core.update(
            s -> {
              core.requireOwner(s);
              if (!s.members().contains(to) || leaving.contains(to)) {
                throw new ShareException(Status.REFUSED, stranger(to));
              }
              ShareState given = s.given(to);
              return anew ? given.withSources(null, null, s.map()) : given;
            })
        .thenApply(s -> answer(s, to, number));
  }

  private void handed(String to, @Nullable Throwable failure) {
    forgetPrepared();
    expectNoMore(to);
    core.marks().clear();
    if (failure != null) {
      takeBack(to, core.state().epoch());
      if (core.inner().state() == VolumeState.SUSPENDED) {
        core.presentRole().switchRole(); // What it wrote with has ended.
      }
      return;
    }
    // What was written to a server and not flushed there differs from it for the taker. Where it
    // comes back it must not get that again from here: somebody else may write it by then.
    core.connectSource(core.state());
    long stall = core.presentRole().switchRole();
    core.lastHandover().note(stall);
    core.lastHandover().log("handed to node " + to, stall);
  }

  /** What the taker is told when it gets the ownership. */
  private synchronized LinkReply answer(ShareState s, String to, long number) {
    LayeredStore store = core.requireStore();
    boolean returned = isSource(to, s);
    Prepared p = prepared;
    HandoverAnswer answer =
        p != null
                && p.number() == number
                && p.to().equals(to)
                && p.returned() == returned
                && p.map() == store.map()
            ? p.answer(s, store.blocks(), core.marks())
            : Prepared.incomplete(returned, s);
    return LinkReply.ok(s.epoch(), answer.write());
  }
}
