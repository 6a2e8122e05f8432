package dev.wherry.path.shared;

import dev.wherry.path.Answers;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * The map that a taker will need as the owner. It is made and filled while hosts are served, so
 * that what is left to do while they wait does not grow with the volume, or with how scattered its
 * changes are. Until a state names it, a crash leaves nothing of it.
 */
final class NextMap {
  private final Core core;
  private final Moves moves;
  private final LayeredStore store;
  private final long number;
  private final BlockMap map;
  private boolean returned;

  private NextMap(Core core, Moves moves, LayeredStore store, long number, BlockMap map) {
    this.core = core;
    this.moves = moves;
    this.store = store;
    this.number = number;
    this.map = map;
  }

  /** Makes it, empty, for the epoch that follows the present one. */
  static CompletableFuture<NextMap> create(Core core, Moves moves) {
    ShareState s = core.state();
    LayeredStore store = core.requireStore();
    if (s.base() != null && store.isMissingAny()) {
      return CompletableFuture.failedFuture(
          new ShareException(
              Status.REFUSED,
              "what is not on this node comes from "
                  + s.source()
                  + " and "
                  + s.base()
                  + ": too many"));
    }
    long number = s.epoch() + 1;
    return core.parts()
        .log()
        .create(number, BlockMap.NOT_HERE)
        .thenApply(map -> new NextMap(core, moves, store, number, map));
  }

  long number() {
    return number;
  }

  BlockMap map() {
    return map;
  }

  /** Where what neither this node nor the owner has comes from. */
  @Nullable String base(ShareState s, String source) {
    return returned && store.isMissingAny() && !source.equals(s.source()) ? s.source() : null;
  }

  /**
   * Fills it with what the owner says of its store, durably.
   *
   * @param ask asks for {@link Differences} from a block on
   */
  CompletableFuture<Void> fill(LongFunction<CompletableFuture<LinkReply>> ask) {
    // What was pre-copied may not be flushed; what was here when this node gave the ownership away
    // is.
    return from(0, ask).thenCompose(v -> map.commit(this::flush));
  }

  private CompletableFuture<Void> flush() {
    return store
        .device()
        .flush()
        .whenComplete(
            (v, failure) -> {
              if (failure != null) {
                // The next flush might succeed, and what was pre-copied be lost all the same.
                moves.forgetAhead();
              }
            });
  }

  private CompletableFuture<Void> from(long block, LongFunction<CompletableFuture<LinkReply>> ask) {
    // For a large volume it takes milliseconds, which hosts of the thread that reads must not wait.
    return ask.apply(block)
        .thenApply(reply -> differences(block, reply))
        .thenComposeAsync(
            d -> {
              CompletableFuture<Void> noted = add(block, d);
              return d.next() == store.blocks()
                  ? noted
                  : noted.thenCompose(v -> from(d.next(), ask));
            },
            core.parts().timer());
  }

  private Differences differences(long block, LinkReply reply) {
    ByteBuf payload = reply.payload();
    try {
      if (!reply.isOk()) {
        throw new ShareException(
            reply.status(),
            reply.status() == Status.STALE
                ? "node " + reply.text() + " owns it by now"
                : reply.text());
      }
      return Differences.read(payload, block, store.blocks());
    } catch (IllegalArgumentException e) {
      throw new ShareException(Status.ERROR, String.valueOf(e.getMessage()));
    } finally {
      payload.release();
    }
  }

  private CompletableFuture<Void> add(long from, Differences d) {
    returned = d.returned();
    if (!returned) {
      moves.received(d.runs()).forEach(r -> map.hydrated(r.from(), r.end()));
      return CompletableFuture.completedFuture(null);
    }
    List<CompletableFuture<Void>> zeroed = new ArrayList<>();
    long at = from;
    for (Run r : d.runs()) {
      carryOver(at, r.from(), zeroed);
      at = r.end();
    }
    carryOver(at, d.next(), zeroed);
    d.absent().forEach(this::setApart);
    return Answers.join(zeroed);
  }

  /** What was here stays here. */
  private void carryOver(long from, long end, List<CompletableFuture<Void>> zeroed) {
    BlockMap old = store.map();
    for (long at = from; at < end; ) {
      long to = old == null ? end : old.runEnd(at, end);
      int state = old == null ? BlockMap.SAME : old.state(at);
      if (state == BlockMap.ZERO) {
        zeroed.add(map.zeroed(at, to));
      } else if (state != BlockMap.NOT_HERE) {
        map.hydrated(at, to);
      }
      at = to;
    }
  }

  /** What the old owner never had differs from its store: it is not to be looked for there. */
  private void setApart(Run r) {
    for (long b = map.next(BlockMap.SAME, r.from(), r.end()); b < r.end(); ) {
      long to = map.runEnd(b, r.end());
      map.written(b, to);
      b = map.next(BlockMap.SAME, to, r.end());
    }
  }

  /**
   * Brings it up to the moment of the hand-over; hosts are held on both nodes. It is durable then,
   * but for what it has forgotten if that is little.
   *
   * @param ask as in {@link #fill}, of what does not change any more
   * @return for the state that names the map: {@link ShareState#outdated}
   */
  CompletableFuture<List<Run>> complete(
      HandoverAnswer answer, LongFunction<CompletableFuture<LinkReply>> ask) {
    if (!answer.complete() || answer.returned() != returned) {
      return map.forgotten(0, store.blocks()).thenCompose(v -> fill(ask)).thenApply(v -> List.of());
    }
    // Also what is the same by now may be another content than it was when this was filled.
    List<Run> outdated = new ArrayList<>(answer.runs());
    outdated.addAll(answer.same());
    List<CompletableFuture<Void>> forgotten = new ArrayList<>();
    outdated.forEach(r -> forgotten.add(map.forgotten(r.from(), r.end())));
    boolean few = outdated.size() <= ShareState.MOST_OUTDATED;
    return Answers.join(forgotten)
        .thenCompose(
            v -> {
              List<CompletableFuture<Void>> zeroed = new ArrayList<>();
              answer.same().forEach(r -> carryOver(r.from(), r.end(), zeroed));
              return Answers.join(zeroed);
            })
        // The store was flushed for all that this claims.
        .thenCompose(v -> few ? Answers.done() : map.commit(Answers::done))
        .thenApply(v -> few ? outdated : List.of());
  }

  /** It is not needed. */
  CompletableFuture<Void> remove() {
    return map.close().thenCompose(v -> core.parts().log().remove(number));
  }
}
