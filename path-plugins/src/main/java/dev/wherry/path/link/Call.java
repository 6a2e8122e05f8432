package dev.wherry.path.link;

import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A request on its way, at the side that asks. On the event loop of its {@link LinkClient}. */
final class Call {
  final LinkRequest request;
  final Priority priority;
  final Duration limit;
  final long cost;
  final CompletableFuture<LinkReply> future = new CompletableFuture<>();

  /** Its number in the session, or 0 as long as it waits for a credit. */
  long sequence;

  /** The life of the listener that got some of it, or 0. */
  long sentTo;

  /** Nobody waits for the answer any more; the payload is released. */
  boolean withdrawn;

  @Nullable Outgoing outgoing;
  @Nullable Future<?> timer;

  Call(LinkRequest request, Priority priority, Duration limit) {
    this.request = request;
    this.priority = priority;
    this.limit = limit;
    this.cost = Window.cost(request.op(), request.length(), request.payload().readableBytes());
  }

  /** The end, with an answer. */
  void answer(LinkReply reply) {
    release();
    if (withdrawn || !future.complete(reply)) {
      reply.payload().release();
    }
  }

  /** The end, without one. */
  void fail(String why, boolean unsent) {
    release();
    future.completeExceptionally(new LinkException(why, unsent));
  }

  private void release() {
    Future<?> t = timer;
    if (t != null) {
      t.cancel(false);
      timer = null;
    }
    if (!withdrawn) {
      request.payload().release();
    }
  }
}
