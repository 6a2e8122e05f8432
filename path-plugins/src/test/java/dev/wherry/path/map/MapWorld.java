package dev.wherry.path.map;

import static dev.wherry.path.map.BlockMap.NEWER;
import static dev.wherry.path.map.BlockMap.NOT_HERE;
import static dev.wherry.path.map.BlockMap.SAME;
import static dev.wherry.path.map.BlockMap.ZERO;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * A volume whose map, store and source live through random requests and crashes, in one thread and
 * one step at a time: each worker's task and each flush ends when chance says so. After a crash
 * every unit has to read as one of those that it may then.
 */
final class MapWorld extends MapRequests {
  /** What passes between two looks at the clock: what has to wait for a while has waited. */
  private static final long HOUR = 3_600_000_000_000L;

  private static final JournaledMap.Limits LIMIT = new JournaledMap.Limits(2000, 1);

  private Deque<Runnable> tasks = new ArrayDeque<>();
  private List<Runnable> flushes = new ArrayList<>();
  private boolean nested;
  private long now;
  int crashes;
  int commits;

  MapWorld(long seed) throws IOException {
    super(seed);
    file.meanwhile =
        () -> {
          if (!nested && map != null) {
            nested = true;
            try {
              while (random.nextInt(3) > 0) {
                request();
                progress();
              }
            } finally {
              nested = false;
            }
          }
        };
    map = JournaledMap.create(file, geometry, List.of(), this::execute, LIMIT);
  }

  private void execute(Runnable task) {
    tasks.add(task);
  }

  void step() throws IOException {
    int chance = random.nextInt(100);
    if (chance < 45) {
      request();
    } else if (chance < 70) {
      progress();
    } else if (chance < 85) {
      Runnable task = tasks.poll();
      if (task != null) {
        task.run();
      }
    } else if (chance < 93) {
      if (!flushes.isEmpty()) {
        flushes.remove(random.nextInt(flushes.size())).run();
      }
    } else if (chance < 97) {
      commit();
    } else if (chance < 98) {
      look();
    } else {
      crash(random.nextInt(5));
    }
  }

  private void commit() {
    int[] counts = new int[histories.length];
    for (int u = 0; u < counts.length; u++) {
      counts[u] = histories[u].dropped + histories[u].contents.size();
    }
    History[] then = histories.clone();
    int[] flushed = {0};
    boolean[] failed = {false};
    CompletableFuture<Void> done =
        map.commit(
            () -> {
              assertEquals(1, ++flushed[0], "flushes of one commit");
              long now = store.now();
              CompletableFuture<Void> flush = new CompletableFuture<>();
              flushes.add(
                  () -> {
                    if (random.nextInt(10) == 0) {
                      failed[0] = true;
                      flush.completeExceptionally(new IOException("the flush failed"));
                    } else {
                      store.flush(now);
                      flush.complete(null);
                    }
                  });
              return flush;
            });
    done.whenComplete(
        (committed, failure) -> {
          assertTrue(failure == null || flushed[0] == 0 || failed[0], () -> "" + failure);
          if (failure != null) {
            return;
          }
          commits++;
          for (int u = 0; u < counts.length; u++) {
            if (histories[u] == then[u]) {
              // What is older than the last at the call is gone for good.
              histories[u].drop(counts[u] - 1);
            }
          }
        });
  }

  /** Compares the ways to look at the map. */
  private void look() {
    long blocks = map.blocks();
    long here = 0;
    long dirty = 0;
    for (long b = 0; b < blocks; b++) {
      here += map.state(b) != NOT_HERE ? 1 : 0;
      dirty += map.state(b) == NEWER || map.state(b) == ZERO ? 1 : 0;
    }
    assertEquals(here, map.here());
    assertEquals(dirty, map.dirty());
    long from = random.nextInt((int) blocks);
    long end = from + 1 + random.nextInt((int) (blocks - from));
    long run = from;
    while (run < end && map.state(run) == map.state(from)) {
      run++;
    }
    assertEquals(run, map.runEnd(from, end));
    assertEquals(run, map.nextOther(map.state(from), from, end));
    int state = random.nextInt(4);
    long next = from;
    while (next < end && map.state(next) != state) {
      next++;
    }
    assertEquals(next, map.next(state, from, end));
  }

  private int visible(int u) {
    return switch (map.state(u / perBlock)) {
      case NOT_HERE -> source[u];
      case ZERO -> 0;
      default -> store.units[u];
    };
  }

  private void crash(int how) throws IOException {
    crashes++;
    boolean power = how < 3;
    boolean clean = how == 3;
    if (clean) {
      while (!requests.isEmpty() || !flushes.isEmpty() || !tasks.isEmpty()) {
        progress();
        if (!tasks.isEmpty()) {
          tasks.remove().run();
        }
        if (!flushes.isEmpty()) {
          flushes.remove(0).run();
        }
      }
    }
    int blocks = (int) map.blocks();
    int[] states = new int[blocks];
    boolean[] durable = new boolean[blocks];
    for (int b = 0; b < blocks; b++) {
      states[b] = map.state(b);
      durable[b] = map.durable(b);
    }
    if (clean) {
      CompletableFuture<Void> closed = map.close();
      while (!tasks.isEmpty()) {
        tasks.remove().run();
      }
      assertTrue(closed.isDone());
      closed.join();
    } else if (power) {
      file.losePower(random);
      store.losePower(random);
    }
    file.kill();
    List<Request> open = requests;
    requests = new ArrayList<>();
    flushes = new ArrayList<>();
    tasks = new ArrayDeque<>();
    nested = true;
    file.full = random.nextInt(3) == 0;
    file.fullAtSwap = !file.full && random.nextInt(3) == 0;
    map = JournaledMap.open(file, geometry, store::read, this::execute, LIMIT, () -> now += HOUR);
    file.full = false;
    file.fullAtSwap &= random.nextBoolean();
    nested = false;
    Set<Integer> held = new HashSet<>();
    for (Request request : open) {
      for (int u = request.from; u < request.end; u++) {
        held.add(u / perBlock);
      }
    }
    for (int b = 0; b < blocks; b++) {
      check(b, states[b], durable[b], held.contains(b), power, clean);
    }
    for (int u = 0; u < histories.length; u++) {
      content(u, open, power);
    }
    look();
    if (random.nextInt(4) == 0) {
      crash(random.nextInt(5));
      return;
    }
    // Before anything is asked for, as the engine does.
    commit();
    while (!flushes.isEmpty() || !tasks.isEmpty()) {
      if (!tasks.isEmpty()) {
        tasks.remove().run();
      }
      if (!flushes.isEmpty()) {
        flushes.remove(0).run();
        if (map.here() > 0 && map.pending() > 0 && flushes.isEmpty() && tasks.isEmpty()) {
          commit();
        }
      }
    }
  }

  private void check(
      int b, int before, boolean durable, boolean held, boolean power, boolean clean) {
    int now = map.state(b);
    String what =
        "block "
            + b
            + " was "
            + before
            + (durable ? " durably" : "")
            + ", is "
            + now
            + (power ? " after a power cut" : clean ? " after close" : " after a kill");
    if (durable) {
      assertTrue(now != NOT_HERE, what);
      assertTrue(held || before == SAME || now == before || (before == ZERO && now == NEWER), what);
    }
    if (!held && !power) {
      // What was fetched and then only said to differ is fetched again.
      assertTrue(before == SAME || now == before || (now == NOT_HERE && !durable), what);
    }
    if (clean && durable) {
      // A checkpoint beside a commit may leave a block newer that was given to the source.
      assertTrue(before == now || (before == SAME && now == NEWER), what);
    }
    if (now == SAME) {
      for (int u = b * perBlock; u < geometry.unitsUpTo(b + 1); u++) {
        assertEquals(source[u], store.units[u], what + ": same in unit " + u);
      }
    }
  }

  private void content(int u, List<Request> open, boolean power) {
    int now = visible(u);
    History history = histories[u];
    Set<Integer> allowed = new HashSet<>();
    boolean writing = false;
    for (Request request : open) {
      if (u >= request.from && u < request.end) {
        writing = true;
        allowed.add(request.content(u));
      }
    }
    if (power) {
      allowed.addAll(history.contents);
    } else {
      allowed.add(history.last());
    }
    boolean torn = power && VolatileStore.isTorn(now) && (writing || history.contents.size() > 1);
    assertTrue(
        torn || allowed.contains(now),
        () ->
            "unit "
                + u
                + " of block "
                + u / perBlock
                + " in state "
                + map.state(u / perBlock)
                + " reads as "
                + now
                + ", not one of "
                + allowed
                + "; store "
                + store.units[u]
                + ", source "
                + source[u]);
    if (power) {
      histories[u] = new History(now);
    } else {
      history.contents.add(now);
    }
  }
}
