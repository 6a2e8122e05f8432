package dev.wherry.path.shared;

import java.util.List;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What standbys have been sent ahead of a hand-over, and is still as it was sent.
 *
 * <p>The owner marks blocks <em>before</em> it reads them for a standby, and removes the mark of
 * what a host writes after the write is in the store and <em>before</em> the host is answered. So a
 * block that is marked when no request is in flight has the content that was sent last.
 */
final class Marks {
  private record Session(long number, BlockSet sent, BlockSet lost) {}

  private final ConcurrentHashMap<String, Session> sessions = new ConcurrentHashMap<>();
  private volatile boolean any;

  /** Marks blocks; a new session number of a node begins anew. */
  void mark(String node, long session, long from, long end) {
    Session s =
        sessions.compute(
            node,
            (n, old) ->
                old != null && old.number == session
                    ? old
                    : new Session(session, new BlockSet(), new BlockSet()));
    any = true;
    s.sent.add(from, end);
  }

  /** Blocks were written. */
  void changed(long from, long end) {
    if (any) {
      sessions.values().forEach(s -> lose(s, from, end));
    }
  }

  private static void lose(Session s, long from, long end) {
    if (s.sent.next(true, from, end) < end) {
      s.sent.remove(from, end);
      s.lost.add(from, end);
    }
  }

  /**
   * Blocks that a node was sent in a session and that were changed since; each is told once. A
   * hint: what counts is {@link #valid}.
   */
  List<Run> lost(String node, long session, long blocks) {
    Session s = sessions.get(node);
    if (s == null || s.number != session) {
      return List.of();
    }
    List<Run> runs = s.lost.runs(blocks);
    runs.forEach(r -> s.lost.remove(r.from(), r.end()));
    return runs;
  }

  boolean any() {
    return any;
  }

  /** What is valid of what a node was sent in a session. */
  List<Run> valid(String node, long session, long blocks) {
    Session s = sessions.get(node);
    return s == null || s.number != session ? List.of() : s.sent.runs(blocks);
  }

  void forget(String node) {
    sessions.remove(node);
  }

  void clear() {
    sessions.clear();
    any = false;
  }
}
