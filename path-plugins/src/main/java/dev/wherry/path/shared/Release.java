package dev.wherry.path.shared;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.VolumeState;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The end of a store that is not needed any more. A former owner asks the owner; who agrees only
 * when what it still misses can be had elsewhere, and has made that durable.
 */
final class Release {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);
  private static final CompletableFuture<Void> NOTHING = CompletableFuture.completedFuture(null);

  /** Runs of one request, of 16 bytes each. */
  private static final int MOST_RUNS = 262_144;

  private final Core core;
  private final Moves moves;
  private final Starting starting;

  Release(Core core, Moves moves, Starting starting) {
    this.core = core;
    this.moves = moves;
    this.starting = starting;
  }

  // ------------------------------------------------------------------ the one that is released

  /** A start that waits for room uses the store until it is over. */
  CompletableFuture<@Nullable BlockDevice> release() {
    return core.turns().take("released", () -> starting.soonOver().thenCompose(v -> byRole()));
  }

  private CompletableFuture<@Nullable BlockDevice> byRole() {
    ShareState s = core.state();
    LayeredStore store = core.requireStore();
    if (s.wanted()) {
      // It may be given the ownership yet, and could not own without a store.
      throw new ShareException(
          Status.REFUSED,
          "node "
              + core.node()
              + " has asked node "
              + s.owner()
              + " for the ownership and does not know yet whether it has it; try again");
    }
    return switch (s.role()) {
      case FORMER -> askStill(s, store);
      case OWNER -> letGo(s, store);
      case STANDBY ->
          throw new ShareException(
              Status.REFUSED,
              "node "
                  + core.node()
                  + " is a standby of volume "
                  + core.suid()
                  + "; unshare takes its part back");
    };
  }

  /**
   * Asks while the owner cannot write to this store: of what it wrote there and took for the same
   * since, the owner would not hear that the next source has not got it.
   */
  private CompletableFuture<@Nullable BlockDevice> askStill(ShareState s, LayeredStore store) {
    return core.receiving()
        .seal()
        .thenCompose(v -> ask(s, store))
        .whenComplete(
            (v, failure) -> {
              if (failure != null) {
                core.receiving().unseal();
              }
            });
  }

  private CompletableFuture<@Nullable BlockDevice> ask(ShareState s, LayeredStore store) {
    Link link = core.links().to(s.owner()).orElse(null);
    if (link == null) {
      return CompletableFuture.failedFuture(
          new ShareException(Status.IMPOSSIBLE, "node " + s.owner() + " is unknown here"));
    }
    if (s.base() != null && store.map() != null) {
      return CompletableFuture.failedFuture(
          new ShareException(
              Status.REFUSED, "what is not here comes from " + s.source() + " and " + s.base()));
    }
    ByteBuf payload = Payloads.buffer(256);
    String source = s.source();
    Payloads.writeText(source == null ? "" : source, payload);
    // With more than it has the owner is only more careful: it takes them for different, too.
    Run.write(Run.atMost(MOST_RUNS, store.dirty()), payload);
    return link.call(
            LinkRequest.of(Op.RELEASE, core.suid(), s.epoch(), 0, 0).withPayload(payload),
            Priority.CONTROL,
            core.ioTimeout())
        .thenCompose(
            reply -> {
              reply.payload().release();
              if (reply.status() == Status.STALE) {
                core.knownOwner().learn(reply.text(), reply.epoch());
              }
              return reply.isOk()
                  ? drop(store)
                  : CompletableFuture.failedFuture(
                      new ShareException(
                          reply.status() == Status.STALE ? Status.REFUSED : reply.status(),
                          reply.status() == Status.STALE
                              ? "node " + reply.text() + " owns it; ask again"
                              : reply.text()));
            });
  }

  private CompletableFuture<@Nullable BlockDevice> drop(LayeredStore store) {
    long number = core.state().map();
    BlockMap map = store.map();
    return core.update(s -> s.withStore(false).withSources(null, null, 0))
        .thenCompose(
            s -> {
              // The caller frees the store: first ends what the owner has it do.
              CompletableFuture<Void> dropped = core.dropStore();
              return map == null
                  ? dropped
                  : dropped
                      .thenCompose(v -> map.close())
                      .thenCompose(v -> core.parts().log().remove(number));
            })
        .thenApply(v -> store.device());
  }

  // ------------------------------------------------------------------ the owner

  /**
   * The owner lets go of a source that it does not need any more, and that cannot say so itself: an
   * NBD server, or a node that has no part in the volume any more; or of its map alone, where it
   * lost its source and has all since.
   */
  private CompletableFuture<@Nullable BlockDevice> letGo(ShareState s, LayeredStore store) {
    String source = s.source();
    String node = source == null ? null : NodeSource.nodeOf(source);
    boolean needless = source == null && s.map() == 0;
    if (needless || (node != null && s.members().contains(node))) {
      return CompletableFuture.failedFuture(
          new ShareException(
              Status.REFUSED,
              "volume " + core.suid() + " is owned here; the former owner releases"));
    }
    return settled(store, List.of(), null).thenApply(v -> null);
  }

  /**
   * A node has no part any more, and so keeps nothing: where nothing is missing here, it is no
   * source any more. Never fails.
   */
  CompletableFuture<Void> gone(String node) {
    if (!isSource(node, core.state())) {
      return NOTHING;
    }
    return core.turns()
        .take("released from", () -> starting.soonOver().thenCompose(v -> settledWithout(node)))
        .exceptionally(
            failure -> {
              LOG.warn(
                  "volume {}: node {} is gone, and was the source: {}",
                  core.suid(),
                  node,
                  Failures.causeOf(failure).getMessage());
              return null;
            });
  }

  private CompletableFuture<Void> settledWithout(String node) {
    ShareState s = core.state();
    LayeredStore store = core.store();
    return s.role() == Role.OWNER && s.fence() == null && store != null && isSource(node, s)
        ? settled(store, List.of(), null)
        : NOTHING;
  }

  private static boolean isSource(String node, ShareState s) {
    return NodeSource.name(node).equals(s.source());
  }

  /** Another node asks to release its store. */
  CompletableFuture<LinkReply> asked(String from, LinkRequest r) {
    ShareState s = core.state();
    if (s.fence() == null && r.epoch() > s.epoch()) {
      return core.knownOwner()
          .catchUp(r.epoch())
          .thenCompose(met -> met ? asked(from, r) : stale());
    }
    if (!isOf(r, s)) {
      return stale();
    }
    String next = Payloads.readText(r.payload());
    List<Run> onlyThere = Run.read(r.payload(), core.requireStore().blocks());
    return core.turns()
        .take(
            "released from",
            () -> starting.soonOver().thenCompose(v -> asked(from, r, next, onlyThere)));
  }

  private static boolean isOf(LinkRequest r, ShareState s) {
    return s.role() == Role.OWNER && s.fence() == null && r.epoch() == s.epoch();
  }

  private CompletableFuture<LinkReply> stale() {
    return CompletableFuture.completedFuture(core.knownOwner().stale());
  }

  /**
   * Nothing else changes the volume's place.
   *
   * @param next where the asker would take from what it has not got; may be empty
   * @param onlyThere what the asker has, and that place has not
   */
  private CompletableFuture<LinkReply> asked(
      String from, LinkRequest r, String next, List<Run> onlyThere) {
    ShareState s = core.state();
    if (!isOf(r, s)) {
      return stale();
    }
    LayeredStore store = core.requireStore();
    CompletableFuture<Void> done;
    if (isSource(from, s)) {
      // What the asker would take from this node it has not got: there is no further place.
      boolean further = !next.isEmpty() && !next.equals(NodeSource.name(core.node()));
      done = settled(store, onlyThere, further ? next : null);
    } else if (NodeSource.name(from).equals(s.base())) {
      done = settled(store, List.of(), null);
    } else {
      // What is missing may come from there by way of the source. That nothing is missing has to
      // survive a loss of power.
      BlockMap map = store.map();
      long needed = map == null ? 0 : missing(store, map);
      done =
          needed == 0
              ? core.losses().counting(store.flush())
              : refused(
                  needed
                      + " blocks are not on node "
                      + core.node()
                      + " yet; release its source first");
    }
    return done.thenApply(v -> LinkReply.ok(core.state().epoch()));
  }

  /**
   * Goes over to another source, or to none.
   *
   * @param onlyThere blocks that the present source has and the next one has not
   */
  private CompletableFuture<Void> settled(
      LayeredStore store, List<Run> onlyThere, @Nullable String next) {
    BlockMap map = store.map();
    if (map == null) {
      return core.update(s -> s.withSources(null, null, 0)).thenAccept(s -> {});
    }
    boolean complete = map.here() == map.blocks();
    String base = core.state().base();
    if (!complete && base != null) {
      return refused("what is not on node " + core.node() + " yet comes from " + base + " too");
    }
    long needed = complete ? 0 : next == null ? missing(store, map) : missing(map, onlyThere);
    if (needed > 0) {
      return refused(
          needed
              + " of "
              + map.blocks()
              + " blocks of volume "
              + core.suid()
              + " are not on node "
              + core.node()
              + " yet");
    }
    if (!complete && next != null && !known(next)) {
      return refused("what is missing would come from " + next + ", which is unknown here");
    }
    String source = complete ? null : next;
    long number = core.state().map();
    boolean keepMap = map.here() < map.blocks();
    Standstill still = new Standstill(core, moves);
    return still
        .during(
            store,
            () ->
                differ(map, onlyThere, keepMap)
                    .thenCompose(w -> keepMap ? NOTHING : store.zeroDevice(map))
                    .thenCompose(w -> still.flush())
                    .thenCompose(
                        w -> core.update(s -> s.withSources(source, null, keepMap ? number : 0)))
                    .thenAccept(
                        s -> {
                          core.connectSource(s);
                          if (!keepMap) {
                            store.map(null);
                          }
                        }),
            (w, failure) -> goOn())
        .thenCompose(
            v ->
                keepMap
                    ? CompletableFuture.completedFuture(null)
                    : store
                        .quiet()
                        .thenCompose(w -> map.close())
                        .thenCompose(w -> core.parts().log().remove(number)));
  }

  private void goOn() {
    if (core.inner().state() == VolumeState.SUSPENDED) {
      core.presentRole().switchRole(); // What it wrote with has ended.
    }
  }

  private boolean known(String source) {
    String node = NodeSource.nodeOf(source);
    return node == null || core.links().to(node).isPresent();
  }

  private static CompletableFuture<Void> differ(BlockMap map, List<Run> runs, boolean needed) {
    CompletableFuture<Void> done = NOTHING;
    if (needed) {
      for (Run run : runs) {
        done = done.thenCompose(v -> map.differ(run.from(), run.end()));
      }
    }
    return done;
  }

  private static CompletableFuture<Void> refused(String why) {
    return CompletableFuture.failedFuture(new ShareException(Status.REFUSED, why));
  }

  private static long missing(BlockMap map, List<Run> runs) {
    long count = 0;
    for (Run run : runs) {
      for (long b = run.from(); b < run.end(); ) {
        long to = map.runEnd(b, run.end());
        count += map.state(b) == BlockMap.NOT_HERE ? to - b : 0;
        b = to;
      }
    }
    return count;
  }

  /** Blocks that are not here and may not be lost: those that nobody needs may. */
  private static long missing(LayeredStore store, BlockMap map) {
    long count = 0;
    for (long b = map.next(BlockMap.NOT_HERE, 0, map.blocks()); b < map.blocks(); ) {
      long to = store.policies().runEnd(b, map.runEnd(b, map.blocks()));
      count += store.policies().at(b).isNeeded() ? to - b : 0;
      b = map.next(BlockMap.NOT_HERE, to, map.blocks());
    }
    return count;
  }
}
