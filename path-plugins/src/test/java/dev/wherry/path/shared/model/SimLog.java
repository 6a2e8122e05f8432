package dev.wherry.path.shared.model;

import dev.wherry.path.map.BlockMap;
import dev.wherry.path.shared.ShareLog;
import dev.wherry.path.shared.ShareState;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The catalog as the engine sees it. A state is durable some time before its future is done; states
 * become durable in the order in which they were put.
 */
final class SimLog implements ShareLog {
  private static final long NANOS = 150_000;

  private record Put(ShareState state, CompletableFuture<Void> done) {}

  private final Life life;
  private final NodeDisk disk;
  private final Engine engine;
  private final Settings settings;
  private final Faults faults;
  private final Judge judge;
  private final Queue<Put> queue = new ArrayDeque<>();
  private final Map<Long, BlockMap> maps = new HashMap<>();
  private boolean forgotten;

  /** The volume is removed: what its engine puts still is of no interest. */
  void forget() {
    forgotten = true;
    queue.clear();
  }

  /** Is told of states. */
  interface Judge {
    void note(String what);

    /** A state is on its way to become durable. */
    void putting(Life life, ShareState state);

    /** A state has become durable. */
    void put(Life life, @Nullable ShareState before, ShareState state);
  }

  SimLog(Life life, NodeDisk disk, Engine engine, Settings settings, Faults faults, Judge judge) {
    this.life = life;
    this.disk = disk;
    this.engine = engine;
    this.settings = settings;
    this.faults = faults;
    this.judge = judge;
    life.atDeath(this::tear);
  }

  /** A crash: of what was put none, some or all is durable. */
  private void tear() {
    int kept = life.simulation().random().nextInt(queue.size() + 1);
    for (Put put : queue) {
      if (kept-- > 0) {
        apply(put);
      }
      put.done.completeExceptionally(new IOException("dead"));
    }
    queue.clear();
  }

  private void apply(Put put) {
    ShareState before = disk.state;
    disk.state = put.state;
    judge.put(life, before, put.state);
  }

  @Override
  public CompletableFuture<Void> put(ShareState state) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    if (life.dead() || forgotten) {
      done.completeExceptionally(new IOException("dead"));
      return done;
    }
    judge.putting(life, state);
    queue.add(new Put(state, done));
    if (queue.size() == 1) {
      life.after(life.simulation().about(NANOS), this::next);
    }
    return done;
  }

  private void next() {
    Put put = queue.poll();
    if (put == null || life.dead()) {
      return;
    }
    apply(put);
    faults.at(put.state.outdated().isEmpty() ? "state put" : Faults.RARE, life);
    life.after(
        life.simulation().about(NANOS / 4),
        () -> {
          if (life.dead()) {
            put.done.completeExceptionally(new IOException("dead"));
            return;
          }
          put.done.complete(null);
          if (!queue.isEmpty()) {
            next();
          }
          faults.at("state put and told", life);
        });
  }

  private <T> CompletableFuture<T> step(Consumer<CompletableFuture<T>> action) {
    CompletableFuture<T> done = new CompletableFuture<>();
    life.after(
        life.simulation().about(NANOS),
        () -> {
          if (life.dead()) {
            done.completeExceptionally(new IOException("dead"));
          } else {
            action.accept(done);
          }
        });
    return done;
  }

  @Override
  public CompletableFuture<BlockMap> create(long number, int state) {
    if (life.dead()) {
      return CompletableFuture.failedFuture(new IOException("dead"));
    }
    if (number <= 0 || disk.maps.containsKey(number)) {
      life.simulation().report(new Violation("map " + number + " exists on " + life));
    }
    return step(
        done -> {
          judge.note(life + " creates map " + number);
          SimMapFile file = new SimMapFile();
          disk.maps.put(number, file);
          engine
              .createMap(life, file.open(life, faults, disk), settings, state)
              .thenApply(m -> opened(number, m))
              .whenComplete(
                  (m, t) -> {
                    if (t != null) {
                      disk.maps.remove(number);
                    }
                    pass(m, t, done);
                  });
        });
  }

  /** Opens the map that the state names. */
  CompletableFuture<BlockMap> open(long number, Platter store) {
    SimMapFile file = disk.maps.get(number);
    if (file == null) {
      throw new Violation("the state of " + life + " names map " + number + ", which is gone");
    }
    return engine
        .openMap(life, file.open(life, faults, disk), store, settings)
        .thenApply(m -> opened(number, m));
  }

  private BlockMap opened(long number, BlockMap map) {
    maps.put(number, map);
    return map;
  }

  /** A map as this life of the daemon has it open, or null. */
  @Nullable BlockMap map(long number) {
    return maps.get(number);
  }

  @Override
  public CompletableFuture<Void> remove(long number) {
    if (!life.dead() && disk.state != null && disk.state.map() == number) {
      life.simulation()
          .report(new Violation("map " + number + " of " + life + " is removed while in use"));
    }
    return step(
        done -> {
          judge.note(life + " removes map " + number);
          disk.maps.remove(number);
          done.complete(null);
        });
  }

  private static <T> void pass(
      @Nullable T value, @Nullable Throwable failure, CompletableFuture<T> to) {
    if (failure != null) {
      to.completeExceptionally(failure);
    } else {
      to.complete(value);
    }
  }
}
