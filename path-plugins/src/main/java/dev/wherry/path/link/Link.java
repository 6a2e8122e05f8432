package dev.wherry.path.link;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * The way to one other node. Safe on any thread; never blocks.
 *
 * <p>A request is executed at most once per life of the other daemon, however often the connection
 * breaks: within a session it is sent again under its number, and the other side keeps what it
 * answered until that is acknowledged. If the other daemon was started anew, what it has not
 * answered is sent to the new one; so requests must be such that doing them again does no harm
 * while their caller still waits.
 */
public interface Link {
  /** The other node's name. */
  String node();

  /** Whether requests get through now. */
  boolean isUp();

  /**
   * The round trip without queueing, in nanoseconds: the smallest of the last minute; 0 while it is
   * not known.
   */
  long roundTripNanos();

  /**
   * Sends a request.
   *
   * @param request its payload is owned by the link from now on
   * @param limit how long to wait for the answer, also for a connection; after it the request is
   *     withdrawn: it fails with {@link LinkException}, and will not be executed any more unless
   *     that has begun
   * @return the answer, whose payload the caller releases; fails with {@link LinkException} alone.
   *     Completes on any thread
   */
  CompletableFuture<LinkReply> call(LinkRequest request, Priority priority, Duration limit);

  /**
   * As {@link #call(LinkRequest, Priority, Duration)}, of a request that the caller may not want to
   * wait for that long.
   *
   * @param withdrawal when this is done the request is withdrawn, as if the limit had passed
   */
  CompletableFuture<LinkReply> call(
      LinkRequest request, Priority priority, Duration limit, CompletableFuture<Void> withdrawal);
}
