package dev.wherry.path;

import static dev.wherry.path.DeviceModel.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.wherry.path.fault.Fault;
import dev.wherry.path.fault.Fault.Op;
import dev.wherry.path.fault.FaultDevice;
import dev.wherry.path.fault.Hold;
import dev.wherry.path.local.LocalHandler;
import dev.wherry.path.memory.MemoryDevice;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Requests on several threads against suspensions that come and go as fast as they can. */
@Timeout(60)
class VolumeRaceTest {
  private static final int SUSPENSIONS = 3000;

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final ExecutorService elsewhere = Executors.newFixedThreadPool(2);
  private final AtomicInteger inside = new AtomicInteger();
  private final AtomicBoolean end = new AtomicBoolean();
  private final Volume volume = new Volume("a", new Counting(new MemoryDevice(4096)));

  /** Knows how many requests are inside, whichever way they came. */
  private final class Counting extends ForwardingHandler {
    Counting(BlockDevice device) {
      super("counting", device);
    }

    @Override
    public boolean tryWrite(long offset, ByteBuf data) {
      inside.incrementAndGet();
      try {
        return super.tryWrite(offset, data);
      } finally {
        inside.decrementAndGet();
      }
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offset, int length) {
      inside.incrementAndGet();
      return CompletableFuture.supplyAsync(() -> super.read(offset, length), elsewhere)
          .thenCompose(f -> f)
          .whenComplete((v, t) -> inside.decrementAndGet());
    }
  }

  @AfterEach
  void stop() {
    threads.shutdownNow();
    elsewhere.shutdownNow();
    volume.close();
  }

  private List<Future<?>> load() {
    List<Future<?>> running = new ArrayList<>();
    running.add(
        threads.submit(
            () -> {
              ByteBuf data = TestBuffers.DIRECT.of(new byte[8]);
              while (!end.get()) {
                if (!volume.tryWrite(8, data)) {
                  Thread.onSpinWait();
                }
              }
              data.release();
              return null;
            }));
    running.add(
        threads.submit(
            () -> {
              while (!end.get()) {
                await(volume.read(0, 8)).release();
              }
              return null;
            }));
    return running;
  }

  private void finish(List<Future<?>> running) throws Exception {
    end.set(true);
    for (Future<?> f : running) {
      f.get();
    }
    assertEquals(0, volume.inFlight());
    assertEquals(0, volume.held());
  }

  @Test
  void nothingIsInsideOnceASuspensionIsDone() throws Exception {
    List<Future<?>> running = load();
    for (int i = 0; i < SUSPENSIONS; i++) {
      await(volume.suspend());
      assertEquals(0, inside.get());
      volume.resume();
    }
    finish(running);
  }

  /** A suspension that was given up must not let the next one believe that it is drained. */
  @Test
  void aSuspensionThatWasGivenUpDoesNotEndTheNextOneEarly() throws Exception {
    List<Future<?>> running = load();
    for (int i = 0; i < SUSPENSIONS; i++) {
      volume.suspend();
      volume.resume();
      await(volume.suspend());
      assertEquals(0, inside.get());
      volume.resume();
    }
    finish(running);
  }

  @Test
  void aVolumeThatFailsAndIsReopenedIsQuietInBetween() throws Exception {
    ByteBuf data = TestBuffers.DIRECT.of(new byte[8]);
    Future<?> writer =
        threads.submit(
            () -> {
              while (!end.get()) {
                volume.tryWrite(8, data);
                Thread.onSpinWait();
              }
            });
    for (int i = 0; i < SUSPENSIONS; i++) {
      CompletableFuture<ByteBuf> read = volume.read(0, 8);
      volume.fail(new IllegalStateException("by order"));
      await(volume.drained());
      assertEquals(0, inside.get());
      await(volume.reopen(volume.handler()));
      await(read).release();
    }
    end.set(true);
    writer.get();
    data.release();
  }

  /**
   * The last request ends while a resume has the lock, so that it tells of the end only when the
   * next suspension, with another request in flight, has begun.
   */
  @Test
  void anEndThatIsToldLateDoesNotCountForTheNextSuspension() throws Exception {
    AtomicReference<Thread> ending = new AtomicReference<>();
    Hold hold = new Hold();
    FaultDevice device =
        new FaultDevice(new MemoryDevice(4096), Executors.newScheduledThreadPool(0));
    device.inject(Fault.on(Op.READ).holds(hold));
    Volume slow =
        new Volume(
            "b",
            new LocalHandler(device),
            () -> {
              Thread end = ending.getAndSet(null);
              if (end != null) {
                end.start();
                while (end.isAlive() && end.getState() != Thread.State.BLOCKED) {
                  Thread.onSpinWait();
                }
              }
              return 0;
            });
    for (int i = 0; i < 200; i++) {
      CompletableFuture<ByteBuf> first = slow.read(0, 1);
      slow.suspend();
      Thread end = new Thread(hold::letOneGo);
      ending.set(end);
      slow.resume();
      CompletableFuture<ByteBuf> second = slow.read(0, 1);
      CompletableFuture<Void> suspended = slow.suspend();
      end.join();
      assertFalse(suspended.isDone(), "a request is in flight");
      hold.letOneGo();
      await(suspended);
      slow.resume();
      await(first).release();
      await(second).release();
    }
    await(slow.close());
  }
}
