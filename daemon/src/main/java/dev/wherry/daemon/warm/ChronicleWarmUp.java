package dev.wherry.daemon.warm;

import net.openhft.chronicle.map.ChronicleMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the first Chronicle map of the process: it generates and compiles code for one to three
 * seconds, which must be over before a block map is needed. Done once, after ready, on a thread of
 * its own.
 */
public final class ChronicleWarmUp {
  private static final Logger log = LoggerFactory.getLogger(ChronicleWarmUp.class);
  private static final long ENTRIES = 16;

  private ChronicleWarmUp() {}

  /** Starts it and returns at once. */
  public static void start() {
    Thread thread = new Thread(ChronicleWarmUp::run, "wherry-warm-up");
    thread.setDaemon(true);
    thread.start();
  }

  private static void run() {
    long start = System.nanoTime();
    try (ChronicleMap<Long, byte[]> map =
        ChronicleMap.of(Long.class, byte[].class)
            .name("warm-up")
            .entries(ENTRIES)
            .constantValueSizeBySample(new byte[64])
            .create()) {
      map.put(1L, new byte[64]);
      if (map.get(1L) == null) {
        log.warn("Chronicle Map lost an entry");
      }
      log.debug("Chronicle Map is warm after {} ms", (System.nanoTime() - start) / 1_000_000);
    } catch (RuntimeException | LinkageError e) {
      log.warn("Chronicle Map cannot be used: {}", e.toString());
    }
  }
}
