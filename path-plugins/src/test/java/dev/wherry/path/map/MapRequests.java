package dev.wherry.path.map;

import static dev.wherry.path.map.BlockMap.NEWER;
import static dev.wherry.path.map.BlockMap.NOT_HERE;
import static dev.wherry.path.map.BlockMap.SAME;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

/**
 * A volume's map, its store and its source, and the requests that go to them at random and in steps
 * of any size. It knows of every unit what it may read as.
 */
abstract class MapRequests {
  /** A request that holds its units. */
  abstract static class Request {
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
  static final class History {
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

  final Random random;
  final Geometry geometry;
  final int perBlock;
  final VolatileStore store;
  final int[] source;
  final History[] histories;
  final ForgetfulFile file = new ForgetfulFile();
  List<Request> requests = new ArrayList<>();
  JournaledMap map;
  int contents = 1;

  MapRequests(long seed) {
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
  }

  final void progress() {
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

  final void request() {
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
}
