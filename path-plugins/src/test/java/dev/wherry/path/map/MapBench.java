package dev.wherry.path.map;

import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Prints what a map costs: time of a look, memory, time to open. Not a test. Argument: a directory
 * for the files.
 */
final class MapBench {
  private static final int LOOKS = 3_000_000;
  private static final int ROUNDS = 7;
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static long sum;

  private MapBench() {}

  public static void main(String[] arguments) throws IOException {
    Path directory = Path.of(arguments[0]);
    PrintStream out = System.out;
    open(directory, 1L << 46, 1 << 16, false, out);
    open(directory, 1L << 42, 1 << 12, false, out);
    open(directory, 1L << 46, 1 << 16, true, out);
    changes(out);
    looks(1L << 26, out);
    looks(1L << 30, out);
    out.println("load " + Files.readString(Path.of("/proc/loadavg")).trim() + " (" + sum + ")");
  }

  /** Time to make and to open a map of a size. */
  private static void open(Path directory, long size, int block, boolean mixed, PrintStream out)
      throws IOException {
    Path path = directory.resolve("map.bench");
    Geometry geometry = new Geometry(block, size);
    States states = new States(geometry);
    if (mixed) {
      mix(states.live);
    }
    Clock make = new Clock();
    try (FileMapFile file = FileMapFile.open(path)) {
      Recovery.create(file, states, 1);
    }
    String made = make.ms();
    String opened = "";
    for (int round = 0; round < 3; round++) {
      Clock open = new Clock();
      JournaledMap map =
          JournaledMap.open(
              FileMapFile.open(path),
              block,
              size,
              (offset, into) -> {
                throw new IOException("nothing was intended");
              },
              Runnable::run);
      opened += (round == 0 ? "" : ", then ") + open.ms();
      if (map.here() != geometry.blocks() - states.live.count(BlockMap.NOT_HERE)) {
        throw new AssertionError(map.here() + " blocks are here");
      }
      map.close().join();
    }
    out.printf(
        "%d TiB at %d KiB%s: %,d blocks, file %,d bytes; made in %s, opened in %s%n",
        size >> 40,
        block >> 10,
        mixed ? ", every page mixed" : "",
        geometry.blocks(),
        Files.size(path),
        made,
        opened);
    Files.delete(path);
  }

  /** Every page has all states; put at once, so that this takes no hours. */
  private static void mix(Pages pages) {
    ByteBuffer states = ByteBuffer.allocate(Slabs.PAGE);
    while (states.hasRemaining()) {
      states.putLong(0x1234_5678_9abc_def0L);
    }
    for (int page = 0; page < pages.pages(); page++) {
      pages.page(page, states.rewind());
    }
  }

  /** The time by the clock, and that of this thread: on a busy machine they differ. */
  private static final class Clock {
    private final long wall = System.nanoTime();
    private final long cpu = THREADS.getCurrentThreadCpuTime();

    String ms() {
      return String.format(
          "%,d ms (%,d of CPU)",
          (System.nanoTime() - wall) / 1_000_000,
          (THREADS.getCurrentThreadCpuTime() - cpu) / 1_000_000);
    }

    double[] ns(int times) {
      return new double[] {
        (System.nanoTime() - wall) / (double) times,
        (THREADS.getCurrentThreadCpuTime() - cpu) / (double) times
      };
    }
  }

  private static void changes(PrintStream out) {
    Slabs slabs = new Slabs();
    long blocks = 1L << 26;
    Pages pages = new Pages(slabs, blocks);
    SplittableRandom random = new SplittableRandom(1);
    int fills = 4_000_000;
    Clock clock = new Clock();
    for (int i = 0; i < fills; i++) {
      long at = random.nextLong(blocks);
      pages.fill(at, at + 1, i & 3);
    }
    double[] ns = clock.ns(fills);
    out.printf("change of a random block: %.0f ns (%.0f of CPU)%n", ns[0], ns[1]);
    out.printf(
        "mixed pages: %,d bytes for a million blocks%n",
        (long) slabs.inUse() * Slabs.PAGE * 1_000_000 / blocks);
  }

  private static void looks(long blocks, PrintStream out) {
    Pages pages = new Pages(new Slabs(), blocks);
    mix(pages);
    double[][] times = new double[4][ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      double[] random = random(pages, blocks, round).ns(LOOKS);
      double[] next = inARow(pages).ns(LOOKS);
      times[0][round] = random[0];
      times[1][round] = random[1];
      times[2][round] = next[0];
      times[3][round] = next[1];
    }
    for (double[] each : times) {
      Arrays.sort(each);
    }
    out.printf(
        "%,d blocks, all pages mixed: look at a random block: CPU %.1f ns at best, median %.1f"
            + " (clock %.1f, %.1f), at the next one: CPU %.1f, %.1f (clock %.1f, %.1f)%n",
        blocks,
        times[1][0],
        times[1][ROUNDS / 2],
        times[0][0],
        times[0][ROUNDS / 2],
        times[3][0],
        times[3][ROUNDS / 2],
        times[2][0],
        times[2][ROUNDS / 2]);
  }

  private static Clock random(Pages pages, long blocks, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Clock clock = new Clock();
    long found = 0;
    for (int i = 0; i < LOOKS; i++) {
      found += pages.get(random.nextLong() & (blocks - 1));
    }
    sum += found;
    return clock;
  }

  private static Clock inARow(Pages pages) {
    Clock clock = new Clock();
    long found = 0;
    for (int i = 0; i < LOOKS; i++) {
      found += pages.get(i);
    }
    sum += found;
    return clock;
  }
}
