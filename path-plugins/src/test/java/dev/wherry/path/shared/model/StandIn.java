package dev.wherry.path.shared.model;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.PathHandler;
import dev.wherry.path.align.RangeLock;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.map.MapFile;
import dev.wherry.path.move.Mover;
import dev.wherry.path.shared.Lag;
import dev.wherry.path.shared.Parts;
import dev.wherry.path.shared.RangePolicy;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareException;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.WritePolicy;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The simplest thing that is right: the first owner stays it, and all others forward to it. It
 * shows that the model accuses nobody who is innocent.
 */
final class StandIn implements Engine {
  /**
   * The owner's boot, as its first answer to a node in a boot of its own said; that node's hosts
   * come again after a crash, and do not know.
   */
  private final Map<String, String> ownersBoots = new HashMap<>();

  /** In which the owner runs, or ran last: a flush is not to span two of them. */
  private String ownersBoot = "";

  @Override
  public boolean hasMaps() {
    return false;
  }

  @Override
  public Part open(Parts parts, ShareState state) {
    if (state.role() == Role.OWNER) {
      ownersBoot = parts.boot();
    }
    return new Simple(parts, state);
  }

  @Override
  public CompletableFuture<BlockMap> createMap(
      Life life, MapFile file, Settings settings, int state) {
    throw new UnsupportedOperationException();
  }

  @Override
  public CompletableFuture<BlockMap> openMap(
      Life life, MapFile file, Platter platter, Settings settings) {
    throw new UnsupportedOperationException();
  }

  private final class Simple implements Part, PathHandler {
    private final Parts parts;
    private final RangeLock locks = new RangeLock();
    private final BlockDevice store;
    private ShareState state;

    /** The owner answered in another boot; that is never forgotten. */
    private boolean lost;

    Simple(Parts parts, ShareState state) {
      this.parts = parts;
      this.state = state;
      this.store = java.util.Objects.requireNonNull(parts.store());
    }

    private boolean owner() {
      return state.role() == Role.OWNER;
    }

    private <T> CompletableFuture<T> locked(
        long offset, long length, boolean exclusive, Supplier<CompletableFuture<T>> action) {
      CompletableFuture<T> done = new CompletableFuture<>();
      locks.lock(
          offset,
          length,
          exclusive,
          hold ->
              action
                  .get()
                  .whenComplete(
                      (v, t) -> {
                        hold.release();
                        if (t != null) {
                          done.completeExceptionally(t);
                        } else {
                          done.complete(v);
                        }
                      }));
      return done;
    }

    private CompletableFuture<ByteBuf> forward(
        Op op, long offset, long length, int flags, ByteBuf payload) {
      return parts
          .links()
          .to(state.owner())
          .orElseThrow()
          .call(
              new LinkRequest(op, parts.suid(), state.epoch(), offset, length, flags, payload),
              Priority.DEMAND,
              parts.ioTimeout())
          .handle(
              (r, t) -> {
                if (t != null) {
                  throw NbdException.harmless(NbdError.EIO, String.valueOf(t.getMessage()));
                }
                if (!r.isOk()) {
                  r.payload().release();
                  NbdError error = r.error() == null ? NbdError.EIO : r.error();
                  throw NbdException.harmless(error, r.status() + " " + r.text());
                }
                String self = parts.node() + " " + parts.boot();
                String first = ownersBoots.putIfAbsent(self, r.text());
                lost |= first != null && !r.text().equals(first);
                return r.payload();
              });
    }

    private CompletableFuture<Void> forwardPlain(
        Op op, long offset, long length, int flags, ByteBuf payload) {
      return forward(op, offset, length, flags, payload).thenAccept(b -> b.release());
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offset, int length) {
      return owner()
          ? locked(offset, length, false, () -> store.read(offset, length))
          : forward(Op.READ, offset, length, 0, Unpooled.EMPTY_BUFFER);
    }

    @Override
    public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
      int length = data.readableBytes();
      return owner()
          ? locked(offset, length, true, () -> store.write(offset, data, flags))
          : forwardPlain(Op.WRITE, offset, length, flags, Unpooled.copiedBuffer(data));
    }

    @Override
    public CompletableFuture<Void> flush() {
      String before = ownersBoot;
      return owner()
          ? store.flush()
          : forwardPlain(Op.FLUSH, 0, 0, 0, Unpooled.EMPTY_BUFFER)
              .thenAccept(
                  v -> {
                    if (lost || !before.equals(ownersBoot)) {
                      throw NbdException.harmless(NbdError.EIO, "what was not flushed is lost");
                    }
                  });
    }

    @Override
    public CompletableFuture<Void> trim(long offset, long length, int flags) {
      return owner()
          ? locked(offset, length, true, () -> store.trim(offset, length, flags))
          : forwardPlain(Op.TRIM, offset, length, flags, Unpooled.EMPTY_BUFFER);
    }

    @Override
    public CompletableFuture<Void> zero(long offset, long length, int flags) {
      return owner()
          ? locked(offset, length, true, () -> store.zero(offset, length, flags))
          : forwardPlain(Op.ZERO, offset, length, flags, Unpooled.EMPTY_BUFFER);
    }

    @Override
    public CompletableFuture<List<Extent>> status(
        String context, long offset, long length, int maxExtents) {
      return owner()
          ? locked(offset, length, false, () -> store.status(context, offset, length, maxExtents))
          : CompletableFuture.completedFuture(List.of(new Extent(length, 0)));
    }

    @Override
    public CompletableFuture<LinkReply> serve(String from, LinkRequest request, Priority priority) {
      if (!owner()) {
        return CompletableFuture.completedFuture(LinkReply.stale(state.epoch(), state.owner()));
      }
      long offset = request.offset();
      long length = request.length();
      return switch (request.op()) {
        case READ -> read(offset, (int) length).thenApply(this::ok);
        case WRITE -> ok(write(offset, request.payload(), request.flags()));
        case FLUSH -> ok(flush());
        case TRIM -> ok(trim(offset, length, request.flags()));
        case ZERO -> ok(zero(offset, length, request.flags()));
        default ->
            CompletableFuture.completedFuture(LinkReply.not(Status.REFUSED, 1, "a stand-in"));
      };
    }

    private CompletableFuture<LinkReply> ok(CompletableFuture<Void> done) {
      return done.thenApply(v -> ok(Unpooled.EMPTY_BUFFER));
    }

    private LinkReply ok(ByteBuf data) {
      return new LinkReply(Status.OK, null, 1, parts.boot(), data);
    }

    @Override
    public CompletableFuture<Void> join(String node) {
      List<String> members =
          java.util.stream.Stream.concat(state.members().stream(), java.util.stream.Stream.of(node))
              .distinct()
              .toList();
      state = state.withMembers(members);
      return parts.log().put(state);
    }

    @Override
    public CompletableFuture<Void> leaving(String node) {
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public void stays(String node) {
      // It never gives the ownership away.
    }

    @Override
    public CompletableFuture<Void> gone(String node) {
      state = state.withMembers(state.members().stream().filter(m -> !m.equals(node)).toList());
      return parts.log().put(state);
    }

    private CompletableFuture<Void> refused() {
      return CompletableFuture.failedFuture(new ShareException(Status.REFUSED, "a stand-in"));
    }

    @Override
    public CompletableFuture<Void> activate(boolean force) {
      return refused();
    }

    @Override
    public CompletableFuture<Void> giveTo(String node) {
      return refused();
    }

    @Override
    public CompletableFuture<@Nullable BlockDevice> release() {
      return CompletableFuture.failedFuture(new ShareException(Status.REFUSED, "a stand-in"));
    }

    @Override
    public CompletableFuture<Void> policies(
        String read, WritePolicy write, List<RangePolicy> ranges, boolean manual) {
      return Answers.done();
    }

    @Override
    public @Nullable Lag lag() {
      return null;
    }

    @Override
    public boolean isPlain() {
      return false;
    }

    @Override
    public CompletableFuture<@Nullable BlockDevice> detachStore() {
      return release();
    }

    @Override
    public void pace(Mover.Pace pace) {}

    @Override
    public void up(String node) {}

    @Override
    public PathHandler handler() {
      return this;
    }

    @Override
    public ShareState state() {
      return state;
    }

    @Override
    public String name() {
      return "stand-in";
    }

    @Override
    public String describe() {
      return "stand-in of " + parts.node();
    }

    @Override
    public ExportInfo info() {
      return ExportInfo.of(parts.size());
    }

    @Override
    public CompletableFuture<Void> cache(long offset, long length) {
      return Answers.done();
    }

    @Override
    public CompletableFuture<Void> resize(long size) {
      return Answers.failed(NbdError.ENOTSUP, describe());
    }

    @Override
    public CompletableFuture<Void> close() {
      return store.close();
    }
  }
}
