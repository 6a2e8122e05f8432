package dev.wherry.path.map;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/**
 * Prints what a map costs: time of a look, memory, time to open. Not a test. Argument: a directory
 * for the files.
 */
final class MapBench {
  private static final int LOOKS = 20_000_000;

  private MapBench() {}

  public static void main(String[] arguments) throws IOException {
    Path directory = Path.of(arguments[0]);
    PrintStream out = System.out;
    open(directory, 1L << 46, 1 << 16, false, out);
    open(directory, 1L << 42, 1 << 12, false, out);
    open(directory, 1L << 46, 1 << 16, true, out);
    looks(out);
  }

  /** Time to make and to open a map of a size. */
  private static void open(Path directory, long size, int block, boolean mixed, PrintStream out)
      throws IOException {
    Path path = directory.resolve("map.bench");
    Geometry geometry = new Geometry(block, size);
    States states = new States(geometry);
    if (mixed) {
      // Every page has two states; the words are put at once, so that this takes no hours.
      java.nio.ByteBuffer words = java.nio.ByteBuffer.allocate(Slabs.PAGE);
      while (words.hasRemaining()) {
        words.putLong(0x1234_5678_9abc_def0L);
      }
      for (int page = 0; page < states.live.pages(); page++) {
        states.live.words(page, words.rewind());
      }
    }
    long start = System.nanoTime();
    try (FileMapFile file = FileMapFile.open(path)) {
      Recovery.create(file, states, 1);
    }
    long made = System.nanoTime();
    JournaledMap map =
        JournaledMap.open(
            FileMapFile.open(path),
            block,
            size,
            (offset, into) -> {
              throw new IOException("nothing was intended");
            },
            Runnable::run);
    long opened = System.nanoTime();
    out.printf(
        "%d TiB at %d KiB%s: %,d blocks, %d here, file %,d bytes; made in %,d ms, opened in %,d ms%n",
        size >> 40,
        block >> 10,
        mixed ? ", every page mixed" : "",
        map.blocks(),
        map.here(),
        Files.size(path),
        (made - start) / 1_000_000,
        (opened - made) / 1_000_000);
    CompletableFuture<Void> closed = map.close();
    closed.join();
    Files.delete(path);
  }

  private static void looks(PrintStream out) {
    Slabs slabs = new Slabs();
    long blocks = 1L << 26;
    Pages pages = new Pages(slabs, blocks);
    SplittableRandom random = new SplittableRandom(1);
    long start = System.nanoTime();
    int fills = 4_000_000;
    for (int i = 0; i < fills; i++) {
      long at = random.nextLong(blocks);
      pages.fill(at, at + 1, i & 3);
    }
    long filled = System.nanoTime();
    out.printf("change of a random block: %d ns%n", (filled - start) / fills);
    out.printf(
        "mixed pages: %,d bytes for a million blocks%n",
        (long) slabs.inUse() * Slabs.PAGE * 1_000_000 / blocks);
    long sum = 0;
    for (int round = 0; round < 3; round++) {
      start = System.nanoTime();
      for (int i = 0; i < LOOKS; i++) {
        sum += pages.get(random.nextLong() & (blocks - 1));
      }
      long random1 = System.nanoTime();
      for (int i = 0; i < LOOKS; i++) {
        sum += pages.get(i);
      }
      long sequential = System.nanoTime();
      out.printf(
          "look at a random block: %.1f ns, at the next one: %.1f ns%n",
          (random1 - start) / (double) LOOKS, (sequential - random1) / (double) LOOKS);
    }
    out.println("(" + sum + ")");
  }
}
