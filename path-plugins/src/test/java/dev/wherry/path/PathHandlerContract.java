package dev.wherry.path;

import static dev.wherry.path.DeviceModel.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.path.memory.MemoryDevice;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What every path handler owes its volume: all that a device does, and to be replaced while
 * requests come in. A handler's test extends this class and makes the handler.
 */
public abstract class PathHandlerContract extends BlockDeviceContract {
  private static final int SLOTS = 8;
  private static final int SLOT = 4096 + 512;
  private static final int LANES = 3;
  private static final int ROUNDS = 150;

  /** Makes the handler over a device of zeroes, or over a copy of another handler's device. */
  protected abstract PathHandler over(BlockDevice backing) throws Exception;

  /** Whether each request to the handler is one request to its device. */
  protected boolean oneToOne() {
    return true;
  }

  @Override
  protected BlockDevice open() throws Exception {
    return over(new MemoryDevice(size()));
  }

  @Test
  void itHasANameAndAStatus() {
    PathHandler handler = (PathHandler) device;
    assertTrue(handler.name().matches("[A-Za-z0-9][A-Za-z0-9-]*"), handler.name());
    assertNotNull(handler.status());
  }

  @Test
  void closingItClosesItsDevice() throws Exception {
    GuardedDevice guard = new GuardedDevice(new MemoryDevice(4096), Runnable::run);
    await(over(guard).close());
    assertTrue(guard.closed());
  }

  /** Many requests together; every one is answered, and none goes to a handler that is gone. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  @Timeout(60)
  void noRequestIsLostOrStrayWhileTheHandlerIsReplaced(long seed) throws Exception {
    AtomicLong made = new AtomicLong();
    List<Exchange> exchanges = new ArrayList<>();
    try (SwapBench bench = new SwapBench(LANES * SLOTS * SLOT, this::over)) {
      for (int lane = 0; lane < LANES; lane++) {
        exchanges.add(new Exchange(bench, lane * SLOTS * SLOT, new Random(seed * LANES + lane)));
      }
      bench.run(new ArrayList<>(exchanges));
      exchanges.forEach(e -> made.addAndGet(e.made));
      if (oneToOne()) {
        assertEquals(made.get(), bench.executed(), "requests that reached a device");
      }
      for (Exchange e : exchanges) {
        e.compareAll();
      }
    }
  }

  /** Random requests on one lane's own range, a batch at a time, compared with an array. */
  private static final class Exchange implements SwapBench.Lane {
    private final SwapBench bench;
    private final Export volume;
    private final int start;
    private final Random random;
    private final byte[] expected = new byte[SLOTS * SLOT];
    private long made;

    Exchange(SwapBench bench, int start, Random random) {
      this.bench = bench;
      this.volume = bench.volume();
      this.start = start;
      this.random = random;
    }

    @Override
    public void run() throws Exception {
      for (int round = 0; round < ROUNDS; round++) {
        List<CompletableFuture<?>> batch = new ArrayList<>();
        for (int slot = 0; slot < SLOTS; slot++) {
          batch.add(request(slot * SLOT));
          made++;
        }
        SwapBench.all(batch);
        bench.step();
      }
    }

    private CompletableFuture<?> request(int at) {
      return switch (random.nextInt(8)) {
        case 0, 1, 2 -> write(at);
        case 3, 4, 5 -> read(at);
        case 6 -> {
          Arrays.fill(expected, at, at + SLOT, (byte) 0);
          yield volume.zero(start + at, SLOT, random.nextBoolean() ? Export.FUA : 0);
        }
        default -> volume.flush();
      };
    }

    private CompletableFuture<?> write(int at) {
      byte[] bytes = new byte[SLOT];
      random.nextBytes(bytes);
      System.arraycopy(bytes, 0, expected, at, SLOT);
      ByteBuf data = TestBuffers.any(random).of(bytes);
      if (random.nextBoolean() && volume.tryWrite(start + at, data)) {
        data.release();
        return CompletableFuture.completedFuture(null);
      }
      return volume.write(start + at, data, 0).whenComplete((v, t) -> data.release());
    }

    private CompletableFuture<?> read(int at) {
      byte[] now = Arrays.copyOfRange(expected, at, at + SLOT);
      ByteBuf into = Unpooled.directBuffer(SLOT);
      if (random.nextBoolean() && volume.tryRead(start + at, SLOT, into)) {
        return CompletableFuture.completedFuture(into).thenAccept(b -> compare(now, b));
      }
      into.release();
      return volume.read(start + at, SLOT).thenAccept(b -> compare(now, b));
    }

    private static void compare(byte[] expected, ByteBuf read) {
      byte[] got = ByteBufUtil.getBytes(read);
      read.release();
      assertArrayEquals(expected, got);
    }

    void compareAll() throws Exception {
      compare(expected, await(volume.read(start, expected.length)));
    }
  }

  /** Of one long that only grows, on one thread, while others read it. */
  @Test
  @Timeout(60)
  void aReadNeverGoesBackWhileTheHandlerIsReplaced() throws Exception {
    int versions = 800;
    AtomicLong seen = new AtomicLong();
    try (SwapBench bench = new SwapBench(1 << 16, this::over)) {
      Volume volume = bench.volume();
      SwapBench.Lane writer =
          () -> {
            for (long version = 1; version <= versions; version++) {
              ByteBuf data = Unpooled.directBuffer(8).writeLong(version);
              if (version % 2 == 0 || !volume.tryWrite(512, data)) {
                await(volume.write(512, data, 0));
              }
              data.release();
              raise(seen, version);
              bench.step();
            }
          };
      SwapBench.Lane reader =
          () -> {
            for (int i = 0; seen.get() < versions; i++) {
              long floor = seen.get();
              ByteBuf into = Unpooled.directBuffer(8);
              if (i % 2 == 0 || !volume.tryRead(512, 8, into)) {
                into.release();
                into = await(volume.read(512, 8));
              }
              long version = into.readLong();
              into.release();
              assertTrue(version >= floor, version + " was read after " + floor);
              raise(seen, version);
            }
          };
      List<SwapBench.Lane> lanes = new ArrayList<>(Collections.nCopies(2, reader));
      lanes.add(writer);
      bench.run(lanes);
    }
  }

  private static void raise(AtomicLong max, long value) {
    max.accumulateAndGet(value, Math::max);
  }
}
