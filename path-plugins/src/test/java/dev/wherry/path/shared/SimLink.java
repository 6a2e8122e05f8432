package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkException;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Priority;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A link to whatever {@link Receiver} is there, that delays and loses by chance. */
final class SimLink implements Link {
  private final Latency latency;
  Receiver to;

  /** No request gets through. */
  boolean cut;

  /** The owner's process is gone. */
  boolean dead;

  /** One in so many requests, and answers, is lost; 0: none. */
  int loses;

  SimLink(Latency latency, Receiver to) {
    this.latency = latency;
    this.to = to;
  }

  @Override
  public String node() {
    return "source";
  }

  @Override
  public boolean isUp() {
    return !cut;
  }

  @Override
  public long roundTripNanos() {
    return 0;
  }

  private boolean lost() {
    return cut || dead || (loses > 0 && latency.oneIn(loses));
  }

  @Override
  public CompletableFuture<LinkReply> call(LinkRequest request, Priority priority, Duration limit) {
    CompletableFuture<LinkReply> result = new CompletableFuture<>();
    latency.in(
        limit.toNanos(),
        TimeUnit.NANOSECONDS,
        () -> result.completeExceptionally(new LinkException("no answer", false)));
    latency.soon(2000, () -> arrive(request, result));
    return result;
  }

  @Override
  public CompletableFuture<LinkReply> call(
      LinkRequest request, Priority priority, Duration limit, CompletableFuture<Void> withdrawal) {
    return call(request, priority, limit); // Batches are not withdrawn.
  }

  private void arrive(LinkRequest request, CompletableFuture<LinkReply> result) {
    CompletableFuture<LinkReply> served = lost() || result.isDone() ? null : to.serve(request, 1);
    if (served == null) {
      request.payload().release();
      return;
    }
    served.whenComplete(
        (reply, failure) -> {
          request.payload().release();
          LinkReply answer =
              failure == null
                  ? reply
                  : LinkReply.error(
                      NbdError.EIO, 1, String.valueOf(Failures.causeOf(failure).getMessage()));
          if (lost()) {
            answer.payload().release();
            return;
          }
          latency.soon(
              2000,
              () -> {
                if (!result.complete(answer)) {
                  answer.payload().release();
                }
              });
        });
  }
}
