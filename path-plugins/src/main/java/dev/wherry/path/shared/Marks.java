package dev.wherry.path.shared;

import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * What standbys have been sent ahead of a hand-over, and is still as it was sent.
 *
 * <p>The owner marks blocks <em>before</em> it reads them for a standby, and removes the mark of
 * what a host writes after the write is in the store and <em>before</em> the host is answered. So a
 * block that is marked when no request is in flight has the content that was sent last.
 */
final class Marks {
  /** What the sets of one standby may take before it is to begin anew. */
  private static final long MOST_MEMORY = 16 << 20;

  /** Changes between two looks at the memory, which takes a while. */
  private static final int LOOK_EVERY = 65_536;

  private static final class Session {
    final long number;
    final BlockSet sent = new BlockSet();
    final BlockSet lost = new BlockSet();
    final AtomicInteger changes = new AtomicInteger();

    /** Takes what is lost from now on, for a hand-over. */
    volatile @Nullable BlockSet watcher;

    Session(long number) {
      this.number = number;
    }

    boolean isTooLarge() {
      return changes.incrementAndGet() % LOOK_EVERY == 0
          && sent.memory() + lost.memory() > MOST_MEMORY;
    }
  }

  private final ConcurrentHashMap<String, Session> sessions = new ConcurrentHashMap<>();
  private volatile boolean any;

  /** Marks blocks; a new session number of a node begins anew. */
  void mark(String node, long session, long from, long end) {
    Session s =
        sessions.compute(
            node, (n, old) -> old != null && old.number == session ? old : new Session(session));
    any = true;
    s.sent.add(from, end);
  }

  /** Blocks were written. */
  void changed(long from, long end) {
    if (any) {
      // One that is scattered all over the volume is given up: what was sent in it counts no more.
      sessions.values().removeIf(s -> lose(s, from, end));
    }
  }

  /** Whether the session has become too large. */
  private static boolean lose(Session s, long from, long end) {
    if (s.sent.next(true, from, end) == end) {
      return false;
    }
    s.sent.remove(from, end);
    s.lost.add(from, end);
    BlockSet watcher = s.watcher;
    if (watcher != null) {
      watcher.add(from, end);
    }
    return s.isTooLarge();
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

  /** The first runs in a range of what is valid of what a node was sent in a session. */
  List<Run> valid(String node, long session, long from, long end, int most) {
    Session s = sessions.get(node);
    return s == null || s.number != session ? List.of() : s.sent.runs(from, end, most);
  }

  /** Adds to a set what is lost from now on. No session begins with that. */
  void watch(String node, long session, BlockSet changed) {
    Session s = sessions.get(node);
    if (s != null && s.number == session) {
      s.watcher = changed;
    }
  }

  /** Adds nothing to a set any more. */
  void unwatch(String node, long session, BlockSet changed) {
    Session s = sessions.get(node);
    if (s != null && s.number == session && s.watcher == changed) {
      s.watcher = null;
    }
  }

  /** Whether the set has had all of it since {@link #watch}. */
  boolean isWatched(String node, long session, BlockSet changed) {
    Session s = sessions.get(node);
    return s != null && s.number == session && s.watcher == changed;
  }

  void forget(String node) {
    sessions.remove(node);
  }

  void clear() {
    sessions.clear();
    any = false;
  }
}
