package dev.wherry.path.move;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.Priority;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** On real threads: answers come on several of them at once, or before the request has returned. */
class MoverThreadsTest {
  private static final int BLOCKS = 1 << 18;

  private final ScheduledExecutorService timer = Executors.newScheduledThreadPool(1);
  private final ScheduledExecutorService answerers = Executors.newScheduledThreadPool(3);
  private final Store store = new Store();

  @AfterEach
  void close() throws InterruptedException {
    timer.shutdownNow();
    answerers.shutdownNow();
    assertTrue(timer.awaitTermination(60, TimeUnit.SECONDS));
    assertTrue(answerers.awaitTermination(60, TimeUnit.SECONDS));
  }

  private Mover mover() {
    return new Mover(store, () -> 0, timer, System::nanoTime, Mover.Pace.DEFAULT);
  }

  @Test
  void answersOnManyThreadsEndWithAllHere() throws Exception {
    Mover m = mover();
    for (int i = 0; i < 20; i++) {
      answerers.execute(m::start);
      answerers.execute(m::status);
    }
    m.start();
    m.finished().get(60, TimeUnit.SECONDS);
    assertEquals(0, store.missing());
    assertEquals(0, store.onWay.get());
    assertEquals(BLOCKS, store.came.get());
    for (int i = 0; i < 50; i++) {
      store.forget(i * 77);
      m.start();
      m.finished().get(60, TimeUnit.SECONDS);
      assertEquals(0, store.missing());
    }
    m.stop().get(60, TimeUnit.SECONDS);
  }

  @Test
  void stopAtAnyTimeLeavesNothingOnItsWay() throws Exception {
    for (int i = 0; i < 30; i++) {
      store.forget(0);
      Mover m = mover();
      m.start();
      answerers.schedule(m::stop, i * 100L, TimeUnit.MICROSECONDS);
      m.finished().handle((v, e) -> null).get(60, TimeUnit.SECONDS);
      m.stop().get(60, TimeUnit.SECONDS);
      assertEquals(0, store.onWay.get());
    }
  }

  private final class Store implements Hydrator {
    final BitSet here = new BitSet();
    final AtomicInteger onWay = new AtomicInteger();
    final AtomicLong came = new AtomicLong();
    private final Random random = new Random(7);

    private synchronized <T> CompletableFuture<T> answer(Supplier<T> value) {
      CompletableFuture<T> f = new CompletableFuture<>();
      onWay.incrementAndGet();
      boolean fails = random.nextInt(3000) == 0;
      Runnable done =
          () -> {
            T v = fails ? null : value.get();
            onWay.decrementAndGet();
            if (fails) {
              f.completeExceptionally(new NbdException(NbdError.EIO, "by chance"));
            } else {
              f.complete(v);
            }
          };
      int how = random.nextInt(10);
      if (how == 0) {
        done.run();
      } else {
        answerers.schedule(done, random.nextInt(100), TimeUnit.MICROSECONDS);
      }
      return f;
    }

    synchronized void forget(int block) {
      here.clear(block);
    }

    @Override
    public int blockSize() {
      return 4096;
    }

    @Override
    public long blocks() {
      return BLOCKS;
    }

    @Override
    public synchronized long nextMissing(long from) {
      return Math.min(BLOCKS, here.nextClearBit((int) from));
    }

    @Override
    public synchronized long missingEnd(long from, long end) {
      int next = here.nextSetBit((int) from);
      return next < 0 ? end : Math.min(next, end);
    }

    @Override
    public synchronized long missing() {
      return BLOCKS - (long) here.cardinality();
    }

    @Override
    public CompletableFuture<List<Extent>> extents(long from, long end) {
      return answer(() -> List.of(new Extent((end - from) * 4096, 0)));
    }

    private synchronized long take(long from, long end) {
      long before = here.cardinality();
      here.set((int) from, (int) end);
      long count = here.cardinality() - before;
      came.addAndGet(count);
      return count * 4096;
    }

    @Override
    public CompletableFuture<Long> hydrate(long from, long end, Priority priority) {
      return answer(() -> take(from, end));
    }

    @Override
    public CompletableFuture<Void> hydrateZero(long from, long end) {
      throw new AssertionError("there are no zeroes");
    }

    @Override
    public CompletableFuture<Void> settle() {
      return answer(() -> null);
    }

    @Override
    public long roundTripNanos() {
      return 0;
    }
  }
}
