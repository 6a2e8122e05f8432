package dev.wherry.path.shared;

import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;

/** What a node asks of others, and tells them, about who owns the volume. */
final class Peers {
  /**
   * Flag of SYNC: the sender was made the owner by force, and had a store that was the volume's
   * before, as a former owner or one that was fenced; not one that is filled from the receiver's,
   * and not one that misses blocks: only the receiver may have those.
   */
  static final int OWN_STORE = 1;

  private final Core core;

  Peers(Core core) {
    this.core = core;
  }

  /** Tells a node what this one knows, and learns what that one knows; never fails. */
  CompletableFuture<Void> tell(String node) {
    return owned(node).thenAccept(epoch -> {});
  }

  /**
   * As {@link #tell}.
   *
   * @return the epoch in which that node says that it owns the volume itself; 0 if it does not, or
   *     knows of no later epoch than this one, or could not be asked
   */
  CompletableFuture<Long> owned(String node) {
    ShareState s = core.state();
    ByteBuf owner = Unpooled.copiedBuffer(s.owner(), StandardCharsets.UTF_8);
    // The owner knows how much was lost; of others it is not believed.
    return call(
            node,
            LinkRequest.of(Op.SYNC, core.suid(), s.epoch(), s.losses(), 0)
                .withFlags(hasOwnStore(s, node) ? OWN_STORE : 0)
                .withPayload(owner))
        .handle(
            (reply, failure) -> {
              if (reply == null) {
                return 0L;
              }
              reply.payload().release();
              if (reply.status() != Status.STALE) {
                return 0L;
              }
              core.learn(reply.text(), reply.epoch());
              return reply.text().equals(node) ? reply.epoch() : 0L;
            });
  }

  private boolean hasOwnStore(ShareState s, String to) {
    LayeredStore store = core.store();
    return s.role() == Role.OWNER
        && s.fence() == null
        && store != null
        && !store.isMissingAny()
        && Ownership.isByForce(s.epoch())
        && !NodeSource.name(to).equals(s.source());
  }

  CompletableFuture<LinkReply> call(String node, LinkRequest request) {
    Link link = core.links().to(node).orElse(null);
    if (link == null) {
      request.payload().release();
      return refused(Status.IMPOSSIBLE, "node " + node + " is unknown here");
    }
    return link.call(request, Priority.CONTROL, core.ioTimeout());
  }

  static CompletableFuture<Void> ok() {
    return CompletableFuture.completedFuture(null);
  }

  static <T> CompletableFuture<T> refused(Status status, String why) {
    return CompletableFuture.failedFuture(new ShareException(status, why));
  }
}
