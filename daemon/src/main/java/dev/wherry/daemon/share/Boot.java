package dev.wherry.daemon.share;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Which boot of the operating system this is: the page cache lives as long. */
final class Boot {
  private static final Logger log = LoggerFactory.getLogger(Boot.class);
  private static final Path ID = Path.of("/proc/sys/kernel/random/boot_id");

  private Boot() {}

  /** The kernel's boot id. Where there is none every start of the daemon counts as a boot. */
  static String id() {
    try {
      return Files.readString(ID).strip();
    } catch (IOException e) {
      log.warn(
          "{} cannot be read ({}): this start is taken for one of the machine, and hosts of other"
              + " nodes are told that what they did not flush may be lost",
          ID,
          e.toString());
      return UUID.randomUUID().toString();
    }
  }
}
