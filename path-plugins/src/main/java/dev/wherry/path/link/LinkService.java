package dev.wherry.path.link;

import java.util.concurrent.CompletableFuture;

/** Answers what other nodes ask. */
public interface LinkService {
  /**
   * Serves a request. Called on an event loop; never blocks.
   *
   * @param from the node that asks; its identity was proven
   * @param request its payload is lent until the future completes
   * @return the answer, whose payload the link owns. A failure counts as {@link
   *     LinkReply.Status#ERROR} with EIO
   */
  CompletableFuture<LinkReply> serve(String from, LinkRequest request, Priority priority);

  /** A node can be reached, for the first time or again. Called on an event loop. */
  default void up(String node) {}

  /** A node cannot be reached any more. Called on an event loop. */
  default void down(String node) {}
}
