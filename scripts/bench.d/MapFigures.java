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
    open(path, 1L << 30).close().get(); // classes loaded, code compiled, before anything is measured
    Files.delete(path);

    long before = residentBytes();
    JournaledMap map = open(path, size);
    for (long block = 0; block < map.blocks(); block += APART) {
      map.hydrated(block, block + 1);
    }
    map.commit(() -> CompletableFuture.completedFuture(null)).get();
    System.gc();
    System.out.printf("memory %.3f MB per million blocks%n", (residentBytes() - before) / (double) map.blocks());

    lookUp(map);
    System.out.printf("lookup %.1f ns%n", lookUp(map));
    map.close().get();

    long began = System.nanoTime();
    map = open(path, size);
    System.out.printf("open %.3f s%n", (System.nanoTime() - began) / 1e9);
    map.close().get();
    System.exit(0);
  }

  private static JournaledMap open(Path path, long size) throws Exception {
    boolean isNew = !Files.exists(path);
    FileMapFile file = FileMapFile.open(path);
    return isNew
        ? JournaledMap.create(file, BLOCK, size, List.of(), HERE)
        : JournaledMap.open(file, BLOCK, size, (offset, into) -> into.position(into.limit()), HERE);
  }

  /** Nanoseconds for each of many blocks by chance, and on the way the sum that keeps them from being left out. */
  private static double lookUp(JournaledMap map) {
    SplittableRandom random = new SplittableRandom(1);
    long[] blocks = random.longs(1 << 16, 0, map.blocks()).toArray();
    long sum = 0;
    long began = System.nanoTime();
    for (int i = 0; i < LOOKUPS; i++) {
      sum += map.state(blocks[i & 0xffff]);
    }
    double took = (System.nanoTime() - began) / (double) LOOKUPS;
    return sum < 0 ? -1 : took;
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
