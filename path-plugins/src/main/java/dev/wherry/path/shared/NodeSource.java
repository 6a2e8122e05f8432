package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Links;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Another node's store. What is neither there nor at that store's own source, other than through
 * this node, comes from a further source.
 *
 * <p>FETCH and EXTENTS name the owner of their epoch, as UTF-8 in the payload: a node that has not
 * heard of it has to stop changing its store before it answers, and the sender may be in the middle
 * of a chain. A request that names nobody is of a version that did not yet.
 */
final class NodeSource implements Source {
  private static final String PREFIX = "node:";

  private final String node;
  private final String suid;
  private final int blockSize;
  private final long blocks;
  private final Links links;
  private final Supplier<ShareState> state;
  private final Duration limit;
  private final @Nullable Source further;
  private final NodeSink sink;

  /**
   * @param state this node's
   * @param limit how long a fetch may wait for the node
   * @param sink how the node is written
   */
  NodeSource(
      String node,
      String suid,
      int blockSize,
      long blocks,
      Links links,
      Supplier<ShareState> state,
      Duration limit,
      @Nullable Source further,
      NodeSink sink) {
    this.node = node;
    this.suid = suid;
    this.blockSize = blockSize;
    this.blocks = blocks;
    this.links = links;
    this.state = state;
    this.limit = limit;
    this.further = further;
    this.sink = sink;
  }

  /** The name of a node as a source. */
  static String name(String node) {
    return PREFIX + node;
  }

  /** The node that a source's name is of, or null where it is no node. */
  static @Nullable String nodeOf(String source) {
    return source.startsWith(PREFIX) ? source.substring(PREFIX.length()) : null;
  }

  @Override
  public String describe() {
    return name(node);
  }

  @Override
  public long roundTripNanos() {
    return links.to(node).map(Link::roundTripNanos).orElse(0L);
  }

  @Override
  public Sink sink() {
    return sink;
  }

  @Override
  public CompletableFuture<ByteBuf> fetch(long offset, int length, Priority priority) {
    return call(Op.FETCH, offset, length, priority)
        .thenCompose(reply -> patched(offset, length, priority, reply));
  }

  private CompletableFuture<ByteBuf> patched(
      long offset, int length, Priority priority, LinkReply reply) {
    ByteBuf payload = reply.payload();
    try {
      List<Run> absent = Run.read(payload, blocks);
      if (payload.readableBytes() != length) {
        throw new IllegalArgumentException(
            payload.readableBytes() + " bytes in answer to a fetch of " + length);
      }
      ByteBuf data = payload.retainedSlice();
      CompletableFuture<ByteBuf> all = CompletableFuture.completedFuture(data);
      for (Run run : absent) {
        all = all.thenCompose(whole -> patch(whole, offset, run, priority));
      }
      return all;
    } catch (IllegalArgumentException e) {
      return CompletableFuture.failedFuture(
          new NbdException(NbdError.EIO, "node " + node + ": " + e.getMessage(), e));
    } finally {
      payload.release();
    }
  }

  /** Puts what the further source has in place of what is absent; owns and returns the data. */
  private CompletableFuture<ByteBuf> patch(ByteBuf data, long offset, Run run, Priority priority) {
    int length = data.readableBytes();
    long from = Math.max(offset, run.from() * blockSize);
    long to = Math.min(offset + length, run.end() * blockSize);
    Source next = further;
    if (next == null) {
      data.release();
      return CompletableFuture.failedFuture(NotHere.nowhere(from, to - from, suid));
    }
    int at = (int) (from - offset);
    int end = (int) (to - offset);
    return next.fetch(from, (int) (to - from), priority)
        .handle(
            (part, failure) -> {
              if (failure != null) {
                data.release();
                throw Failures.of(failure);
              }
              CompositeByteBuf all = data.alloc().compositeBuffer(3);
              all.addComponent(true, data.retainedSlice(data.readerIndex(), at));
              all.addComponent(true, part);
              all.addComponent(true, data.retainedSlice(data.readerIndex() + end, length - end));
              data.release();
              return all;
            });
  }

  @Override
  public CompletableFuture<List<Extent>> extents(long offset, long length) {
    return call(Op.EXTENTS, offset, length, Priority.DEMAND)
        .thenApply(
            reply -> {
              try {
                return Payloads.readExtents(reply.payload());
              } catch (IllegalArgumentException e) {
                throw new NbdException(NbdError.EIO, "node " + node + ": " + e.getMessage(), e);
              } finally {
                reply.payload().release();
              }
            });
  }

  /** The owner that a request names, or null. */
  static @Nullable String ownerIn(LinkRequest request) {
    ByteBuf payload = request.payload();
    return payload.isReadable() ? payload.toString(StandardCharsets.UTF_8) : null;
  }

  private CompletableFuture<LinkReply> call(Op op, long offset, long length, Priority priority) {
    Optional<Link> link = links.to(node);
    if (link.isEmpty()) {
      return CompletableFuture.failedFuture(
          new NbdException(NbdError.EIO, "node " + node + " is unknown here"));
    }
    ShareState s = state.get();
    ByteBuf owner = Unpooled.copiedBuffer(s.owner(), StandardCharsets.UTF_8);
    return link.get()
        .call(
            LinkRequest.of(op, suid, s.epoch(), offset, length).withPayload(owner), priority, limit)
        .handle(
            (reply, failure) -> {
              if (failure != null) {
                throw Failures.unreached(failure);
              }
              if (!reply.isOk()) {
                reply.payload().release();
                NbdError error = reply.error();
                throw NbdException.harmless(
                    error == null ? NbdError.EIO : error,
                    "node " + node + ": " + reply.status() + " " + reply.text());
              }
              return reply;
            });
  }
}
