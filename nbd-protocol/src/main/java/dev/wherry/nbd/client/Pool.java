package dev.wherry.nbd.client;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** The connections of one session, the first of which the others were made like. Event loop. */
final class Pool {
  private final List<Link> links = new ArrayList<>();

  /** Takes a connection in and begins to use it. */
  void add(Link link, Link.Listener listener) {
    links.add(link);
    link.start(listener);
  }

  /** A connection is lost. */
  void remove(Link link) {
    links.remove(link);
  }

  int size() {
    return links.size();
  }

  /** There is one. */
  Link first() {
    return links.get(0);
  }

  /** The one with the fewest commands in flight; there is one. */
  Link leastBusy() {
    Link best = links.get(0);
    for (int i = 1; i < links.size(); i++) {
      if (links.get(i).inFlight() < best.inFlight()) {
        best = links.get(i);
      }
    }
    return best;
  }

  /** Whether nothing is in flight. */
  boolean isIdle() {
    for (Link link : links) {
      if (link.inFlight() > 0) {
        return false;
      }
    }
    return true;
  }

  /**
   * Gives up the connections that owe an answer and have brought nothing for some time.
   *
   * @param nanos how long they may be silent
   * @return whether anything was in flight
   */
  boolean failSilent(long now, long nanos, Supplier<Throwable> why) {
    boolean busy = false;
    for (Link link : List.copyOf(links)) {
      if (link.inFlight() > 0) {
        busy = true;
        if (now - link.quietSince() >= nanos) {
          link.fail(why.get());
        }
      }
    }
    return busy;
  }

  /**
   * Closes all; done when they are closed.
   *
   * @param unanswered takes what was in flight
   */
  CompletableFuture<Void> close(Consumer<Command> unanswered) {
    List<Link> all = List.copyOf(links);
    links.clear();
    List<CompletableFuture<Void>> closed = new ArrayList<>();
    for (Link link : all) {
      link.unanswered().forEach(unanswered);
      closed.add(link.close());
    }
    return CompletableFuture.allOf(closed.toArray(new CompletableFuture<?>[0]));
  }
}
