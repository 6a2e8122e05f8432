package dev.wherry.path.map;

import static dev.wherry.path.map.BlockMap.NEWER;
import static dev.wherry.path.map.BlockMap.NOT_HERE;
import static dev.wherry.path.map.BlockMap.SAME;
import static dev.wherry.path.map.BlockMap.ZERO;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * A volume whose map, store and source live through random requests and crashes, in one thread and
 * one step at a time: each worker's task and each flush ends when chance says so. It knows of every
 * unit what it may read as after which crash.
 */
final class MapWorld {
  /** What passes between two looks at the clock: what has to wait for a while has waited. */
  private static final long HOUR = 3_600_000_000_000L;

  private static final JournaledMap.Limits LIMIT = new JournaledMap.Limits(2000, 1);

  /** A request that holds its units. */
  private abstract static class Request {
    final int from;
    final int end;

    Request(int from, int end) {
      this.from = from;
      this.end = end;
    }

    /** Goes on; true at its end. */
    abstract boolean step() throws IOException;

    /** What the units may be read as if a crash comes now. */
    abstract int content(int unit);
  }

  /** What a unit may be read as: what was committed, and all since. */
  private static final class History {
    final List<Integer> contents = new ArrayList<>();

    History(int content) {
      contents.add(content);
    }

    /** The number of the first in the list. */
    int dropped;

    void drop(int before) {
      if (before > dropped) {
        contents.subList(0, before - dropped).clear();
        dropped = before;
      }
    }

    int last() {
      return contents.get(contents.size() - 1);
    }
  }

  private final Random random;
  private final Geometry geometry;
  private final int perBlock;
  private final VolatileStore store;
  private final int[] source;
  private final History[] histories;
  private final ForgetfulFile file = new ForgetfulFile();
  private Deque<Runnable> tasks = new ArrayDeque<>();
  private List<Request> requests = new ArrayList<>();
  private List<Runnable> flushes = new ArrayList<>();
  private JournaledMap map;
  private int contents = 1;
  private boolean nested;
  private long now;
  int crashes;
  int commits;

  MapWorld(long seed) throws IOException {
    random = new Random(seed);
    int blockSize = 4096 << random.nextInt(5);
    long size = (9L << 20) - (random.nextBoolean() ? 0 : random.nextInt(70000));
    geometry = new Geometry(blockSize, size);
    perBlock = geometry.unitsPerBlock();
    store = new VolatileStore(size);
    source = new int[store.units.length];
    histories = new History[source.length];
    for (int u = 0; u < source.length; u++) {
      source[u] = u / 64 % 4 == 0 ? 0 : 1_000_000 + u;
      histories[u] = new History(source[u]);
    }
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

  private void progress() {
    if (!requests.isEmpty()) {
      Request request = requests.get(random.nextInt(requests.size()));
      try {
        if (request.step()) {
          requests.remove(request);
        }
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }
  }

  /** Some blocks that no request holds, as units, or null. */
  private int[] free() {
    int blocks = (int) geometry.blocks();
    int hot = random.nextInt(4) == 0 ? random.nextInt(blocks) : (4 << 20) / geometry.blockSize();
    int from = Math.max(0, Math.min(blocks - 1, hot + random.nextInt(7) - 3));
    int end = Math.min(blocks, from + 1 + random.nextInt(random.nextInt(10) == 0 ? 300 : 3));
    int firstUnit = (int) geometry.unitsUpTo(from);
    int lastUnit = (int) geometry.unitsUpTo(end);
    for (Request other : requests) {
      if (other.from < lastUnit && firstUnit < other.end) {
        return new int[0];
      }
    }
    return new int[] {from, end, firstUnit, lastUnit};
  }

  private void request() {
    int[] at = free();
    if (at.length == 0) {
      return;
    }
    switch (random.nextInt(12)) {
      case 0, 1, 2, 3, 4 -> write(at);
      case 5 -> zero(at);
      case 6, 7, 8 -> hydrate(at);
      case 9 -> hole(at);
      case 10 -> same(at);
      default -> differ(at);
    }
  }

  /** Of blocks that may be written in parts, sometimes a part. */
  private int[] part(int[] at) {
    boolean parts = true;
    for (int block = at[0]; block < at[1]; block++) {
      int state = map.state(block);
      parts &= state == NEWER || (state == SAME && map.durable(block));
    }
    if (!parts || random.nextBoolean()) {
      return at;
    }
    int from = at[2] + random.nextInt(at[3] - at[2]);
    int end = from + 1 + random.nextInt(at[3] - from);
    return new int[] {from / perBlock, (end - 1) / perBlock + 1, from, end};
  }

  private void write(int[] whole) {
    if (file.fullAtSwap && !map.takesData()) {
      // It would be refused.
      return;
    }
    int[] at = part(whole);
    int first = contents;
    contents += at[3] - at[2];
    ByteBuffer data = ByteBuffer.allocate((at[3] - at[2]) * BlockMap.UNIT);
    for (int u = at[2]; u < at[3]; u++) {
      store.put(u, first + u - at[2], data);
    }
    ByteBuf buffer = Unpooled.wrappedBuffer(data.flip());
    CompletableFuture<Void> intended =
        map.settled(at[0], at[1])
            ? CompletableFuture.completedFuture(null)
            : map.intend((long) at[2] * BlockMap.UNIT, buffer);
    requests.add(
        // The blocks are held, not only what is written of them.
        new Request(at[0] * perBlock, at[1] * perBlock) {
          private final List<Integer> left = new ArrayList<>();
          private boolean begun;

          @Override
          boolean step() {
            if (!intended.isDone()) {
              return false;
            }
            intended.join();
            if (!begun) {
              begun = true;
              for (int u = at[2]; u < at[3]; u++) {
                left.add(u);
              }
              java.util.Collections.shuffle(left, random);
            }
            int n = random.nextBoolean() ? left.size() : random.nextInt(left.size() + 1);
            for (int i = 0; i < n; i++) {
              int u = left.remove(left.size() - 1);
              store.write(u, content(u));
            }
            if (!left.isEmpty()) {
              return false;
            }
            map.written(at[0], at[1]);
            for (int u = at[2]; u < at[3]; u++) {
              histories[u].contents.add(content(u));
            }
            return true;
          }

          @Override
          int content(int u) {
            return u >= at[2] && u < at[3] ? first + u - at[2] : histories[u].last();
          }
        });
  }

  private void zero(int[] at) {
    CompletableFuture<Void> zeroed = map.zeroed(at[0], at[1]);
    requests.add(
        new Request(at[2], at[3]) {
          @Override
          boolean step() {
            if (!zeroed.isDone()) {
              return false;
            }
            zeroed.join();
            for (int u = from; u < end; u++) {
              histories[u].contents.add(0);
              if (random.nextBoolean()) {
                store.write(u, 0);
              }
            }
            return true;
          }

          @Override
          int content(int u) {
            return 0;
          }
        });
  }

  private void hydrate(int[] at) {
    if (!map.takesData()) {
      return;
    }
    boolean stops = random.nextInt(4) == 0;
    for (int block = at[0]; block < at[1]; block++) {
      if (map.state(block) == NOT_HERE) {
        for (int u = block * perBlock; u < geometry.unitsUpTo(block + 1); u++) {
          if (!stops || random.nextBoolean()) {
            store.write(u, source[u]);
          }
        }
      }
    }
    if (!stops) {
      map.hydrated(at[0], at[1]);
    }
  }

  private void hole(int[] at) {
    for (int u = at[2]; u < at[3]; u++) {
      if (source[u] != 0 || store.touched[u] || !map.takesData()) {
        return;
      }
    }
    map.hydratedHole(at[0], at[1]);
  }

  private void same(int[] at) {
    for (int block = at[0]; block < at[1]; block++) {
      if (map.state(block) == NEWER) {
        for (int u = block * perBlock; u < geometry.unitsUpTo(block + 1); u++) {
          source[u] = store.units[u];
        }
      }
    }
    map.same(at[0], at[1]);
  }

  private void differ(int[] at) {
    CompletableFuture<Void> differs = map.differ(at[0], at[1]);
    requests.add(
        new Request(at[2], at[3]) {
          @Override
          boolean step() {
            if (!differs.isDone()) {
              return false;
            }
            differs.join();
            for (int block = at[0]; block < at[1]; block++) {
              assertTrue(map.state(block) != SAME);
            }
            return true;
          }

          @Override
          int content(int u) {
            return histories[u].last();
          }
        });
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
