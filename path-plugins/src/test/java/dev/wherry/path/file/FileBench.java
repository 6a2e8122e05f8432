package dev.wherry.path.file;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceContext.Engine;
import dev.wherry.path.TestContext;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.DefaultFileRegion;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Prints what the ways of doing I/O cost, to choose thresholds by. Not a test. First argument: a
 * directory on the file system to measure.
 */
final class FileBench {
  private static final int SIZE = 256 << 20;
  private static final int ROUND = 1 << 28;

  private static final ThreadMXBean CPU = ManagementFactory.getThreadMXBean();

  private FileBench() {}

  /** One request at an offset; true if it was done. */
  private interface Step {
    boolean run(long offset) throws Exception;
  }

  public static void main(String[] arguments) throws Exception {
    Path path = Path.of(arguments[0]).resolve("bench.img");
    FileDevice.create(path, SIZE);
    try (TestContext threads = new TestContext()) {
      for (Engine engine : Engine.values()) {
        BlockDevice device = FileDevice.open(path, threads.with(engine)).get();
        measure(device, engine, System.out);
        device.close().get();
      }
    } finally {
      Files.delete(path);
    }
  }

  private static void measure(BlockDevice device, Engine engine, PrintStream out) throws Exception {
    ByteBuf buffer = Unpooled.directBuffer(1 << 20);
    for (int size = 4096; size <= 1 << 20; size *= 4) {
      int length = size;
      buffer.clear().writeZero(length);
      line(out, engine, "write", length, at -> done(device.write(at, buffer, 0)));
      line(out, engine, "tryWrite", length, at -> device.tryWrite(at, buffer));
      line(out, engine, "tryWrite+1", length, at -> device.tryWrite(at + 1, buffer));
      line(
          out,
          engine,
          "read",
          length,
          at -> {
            device.read(at, length).get(10, TimeUnit.SECONDS).release();
            return true;
          });
      line(out, engine, "tryRead", length, at -> device.tryRead(at, length, buffer.clear()));
      line(
          out,
          engine,
          "trySend",
          length,
          at -> {
            DefaultFileRegion region = device.trySend(at, length);
            return region != null && region.release();
          });
      many(out, engine, device, length);
    }
    buffer.release();
  }

  private static boolean done(CompletableFuture<Void> future) throws Exception {
    future.get(10, TimeUnit.SECONDS);
    return true;
  }

  private static void line(PrintStream out, Engine engine, String what, int length, Step step)
      throws Exception {
    int count = Math.min(200_000, ROUND / length);
    for (int round = 0; round < 2; round++) {
      long hits = 0;
      long start = System.nanoTime();
      long cpu = CPU.getCurrentThreadCpuTime();
      for (int i = 0; i < count; i++) {
        long offset = (i * 7919L * length) % (SIZE - 2L * length) / length * length;
        hits += step.run(offset) ? 1 : 0;
      }
      long nanos = System.nanoTime() - start;
      cpu = CPU.getCurrentThreadCpuTime() - cpu;
      if (round == 1) {
        out.printf(
            "%-6s %-10s %8d bytes: %9.2f us each, %8.2f us of this thread, %3d %% done%n",
            engine, what, length, nanos / 1e3 / count, cpu / 1e3 / count, hits * 100 / count);
      }
    }
  }

  /** Sixteen reads in flight through the engine. */
  private static void many(PrintStream out, Engine engine, BlockDevice device, int length)
      throws Exception {
    int count = Math.min(50_000, ROUND / length);
    AtomicInteger left = new AtomicInteger(count);
    Semaphore slots = new Semaphore(16);
    long start = System.nanoTime();
    for (int i = 0; i < count; i++) {
      slots.acquire();
      long offset = (i * 7919L * length) % (SIZE - 2L * length) / length * length;
      device
          .read(offset, length)
          .whenComplete(
              (read, failure) -> {
                read.release();
                left.decrementAndGet();
                slots.release();
              });
    }
    slots.acquire(16);
    double micros = (System.nanoTime() - start) / 1e3;
    out.printf("%-6s read QD16  %8d bytes: %9.2f us each%n", engine, length, micros / count);
  }
}
