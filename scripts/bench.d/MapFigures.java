import dev.wherry.path.map.FileMapFile;
import dev.wherry.path.map.JournaledMap;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * What a block map costs in memory, a look-up, and at the start of the daemon. Every page of the map holds something, as after
 * a move of a disk without holes. Prints NAME VALUE UNIT, one line each.
 *
 * <p>Memory is what a large map takes on top of a small one: resident memory of the process, all of whose heap is resident from
 * the start (map_figures sees to that), and what is in use of that heap after a collection. So it has the map's pages, what the
 * allocator keeps back, and its objects, and neither the JVM nor its garbage. {@code memory} is the larger of after a commit of
 * all of it, and after it was opened anew; {@code uncommitted} is before that commit.
 *
 * <p>usage: MapFigures DIRECTORY [TIB]
 */
public final class MapFigures {
  private static final int BLOCK = 64 << 10;
  private static final int APART = 4096; // blocks, fewer than any page of the map holds
  private static final int LOOKUPS = 20_000_000;
  private static final Executor HERE = Runnable::run;

  public static void main(String[] arguments) throws Exception {
    Path path = Path.of(arguments[0], "map");
    long size = (arguments.length > 1 ? Long.parseLong(arguments[1]) : 64) << 40;
    // Classes loaded, code compiled, before anything is measured. Nothing here is garbage before the end.
    JournaledMap small = fill(open(Path.of(arguments[0], "small"), size / 64));
    commit(small);

    long before = bytes();
    JournaledMap made = fill(open(path, size));
    double blocks = made.blocks();
    System.out.printf("uncommitted %.3f MB per million blocks%n", (bytes() - before) / blocks);
    commit(made);
    double afterCommit = (bytes() - before) / blocks;
    made.close().get();

    before = bytes();
    long began = System.nanoTime();
    JournaledMap opened = open(path, size);
    System.out.printf("open %.3f s%n", (System.nanoTime() - began) / 1e9);
    double afterOpen = (bytes() - before) / blocks;
    System.out.printf("memory %.3f MB per million blocks%n", Math.max(afterCommit, afterOpen));

    lookUp(opened);
    System.out.printf("lookup %.1f ns%n", lookUp(opened));
    opened.close().get();
    small.close().get();
    if (made.here() != opened.here() || small.here() == 0) {
      throw new IllegalStateException(opened.here() + " blocks are here, not " + made.here());
    }
    System.exit(0);
  }

  private static JournaledMap fill(JournaledMap map) {
    for (long block = 0; block < map.blocks(); block += APART) {
      map.hydrated(block, block + 1);
    }
    return map;
  }

  private static void commit(JournaledMap map) throws Exception {
    map.commit(() -> CompletableFuture.completedFuture(null)).get();
  }

  private static JournaledMap open(Path path, long size) throws Exception {
    boolean isNew = !Files.exists(path);
    FileMapFile file = FileMapFile.open(path);
    return isNew
        ? JournaledMap.create(file, BLOCK, size, List.of(), HERE)
        : JournaledMap.open(file, BLOCK, size, (offset, into) -> into.position(into.limit()), HERE);
  }

  /** Nanoseconds for each of many blocks by chance; the sum keeps them from being left out. */
  private static double lookUp(JournaledMap map) {
    SplittableRandom random = new SplittableRandom(1);
    long twice = 2 * map.blocks();
    long sum = 0;
    long began = System.nanoTime();
    for (int i = 0; i < LOOKUPS; i++) {
      sum += map.state(Math.multiplyHigh(random.nextLong() >>> 1, twice));
    }
    double took = (System.nanoTime() - began) / (double) LOOKUPS;
    return sum < 0 ? -1 : took;
  }

  /** Memory in use; what it is without the map is the same every time. */
  private static long bytes() throws Exception {
    System.gc();
    Runtime heap = Runtime.getRuntime();
    return residentBytes() + heap.totalMemory() - heap.freeMemory();
  }

  private static long residentBytes() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
      }
    }
    throw new IllegalStateException("no VmRSS in /proc/self/status");
  }
}
