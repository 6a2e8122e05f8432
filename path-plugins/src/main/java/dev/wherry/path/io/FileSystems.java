package dev.wherry.path.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What is known of the place where a file lies. */
public final class FileSystems {
  private static final long TMPFS = 0x01021994;

  private FileSystems() {}

  /** Does the file live in memory, so that no access to it waits for a device? Blocks. */
  public static boolean inMemory(int fd) {
    try {
      return Posix.fileSystem(fd) == TMPFS && Posix.stat(fd).kind() == FileStat.Kind.REGULAR;
    } catch (PosixException unknown) {
      return false;
    }
  }

  /** Has the disk below a file or device seek times? False where that is not known. Blocks. */
  public static boolean rotational(FileStat stat) {
    Path device = Path.of("/sys/dev/block", stat.deviceMajor() + ":" + stat.deviceMinor());
    // A partition has no queue of its own.
    return saysOne(device.resolve("queue/rotational"))
        || saysOne(device.resolve("../queue/rotational"));
  }

  private static boolean saysOne(Path attribute) {
    try {
      return Files.readString(attribute).trim().equals("1");
    } catch (IOException absent) {
      return false;
    }
  }
}
