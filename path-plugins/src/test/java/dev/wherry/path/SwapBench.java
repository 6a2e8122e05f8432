package dev.wherry.path;

import static dev.wherry.path.DeviceModel.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.memory.MemoryDevice;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * A volume that lanes of requests use, each on a thread of its own, while its handler and device
 * are replaced again and again. After every drain the old device must be quiet for ever, and the
 * new one starts as a copy of it.
 */
final class SwapBench implements AutoCloseable {
  /** Makes a handler over a device. */
  interface Opener {
    PathHandler over(BlockDevice backing) throws Exception;
  }

  /** Work of one lane; says {@link #step()} now and then. */
  interface Lane {
    void run() throws Exception;
  }

  private static final int STEPS_PER_SWAP = 20;

  private final int size;
  private final Opener opener;
  private final ExecutorService lanes = Executors.newCachedThreadPool();
  private final ScheduledExecutorService elsewhere = Executors.newScheduledThreadPool(2);
  private final Semaphore steps = new Semaphore(0);
  private final List<GuardedDevice> guards = new ArrayList<>();
  private final Volume volume;
  private int swaps;

  SwapBench(int size, Opener opener) throws Exception {
    this.size = size;
    this.opener = opener;
    this.volume = new Volume("a", opener.over(guard(new MemoryDevice(size))));
  }

  Volume volume() {
    return volume;
  }

  /** How often the handler was replaced. */
  int swaps() {
    return swaps;
  }

  /** Requests that reached the devices. */
  long executed() {
    return guards.stream().mapToLong(GuardedDevice::started).sum();
  }

  private GuardedDevice guard(BlockDevice device) {
    GuardedDevice guard = new GuardedDevice(device, elsewhere);
    guards.add(guard);
    return guard;
  }

  void step() {
    steps.release();
  }

  /** Runs the lanes and replaces the handler meanwhile, then checks what must hold. */
  void run(List<Lane> work) throws Exception {
    List<Future<?>> running = new ArrayList<>();
    for (Lane lane : work) {
      running.add(
          lanes.submit(
              () -> {
                lane.run();
                return null;
              }));
    }
    while (!running.stream().allMatch(Future::isDone)) {
      if (steps.tryAcquire(STEPS_PER_SWAP, 20, TimeUnit.MILLISECONDS)) {
        replace();
      }
    }
    for (Future<?> lane : running) {
      lane.get();
    }
    assertTrue(swaps > 0, "the handler was replaced meanwhile");
    assertEquals(0, volume.inFlight());
    assertEquals(0, volume.held());
    for (GuardedDevice guard : guards) {
      assertEquals(0, guard.late(), "requests to a device after its drain");
      assertEquals(0, guard.inFlight());
    }
  }

  private void replace() throws Exception {
    GuardedDevice old = guards.get(guards.size() - 1);
    await(volume.suspend(Duration.ofSeconds(20), elsewhere));
    assertEquals(0, old.inFlight(), "requests in flight after the drain");
    old.retire();
    MemoryDevice copy = new MemoryDevice(size);
    ByteBuf all = await(old.inner().read(0, size));
    await(copy.write(0, all, 0));
    all.release();
    PathHandler before = volume.swap(opener.over(guard(copy)));
    volume.resume();
    swaps++;
    await(before.close());
    assertTrue(old.closed(), "a handler closes its device");
  }

  @Override
  public void close() {
    lanes.shutdownNow();
    volume.close().orTimeout(30, TimeUnit.SECONDS).join();
    elsewhere.shutdown();
  }

  static void all(List<CompletableFuture<?>> requests) throws Exception {
    await(CompletableFuture.allOf(requests.toArray(CompletableFuture<?>[]::new)));
  }
}
