package dev.wherry.daemon.volume;

import dev.wherry.daemon.process.DataDirectory;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The sparse files that the daemon makes. All methods block. */
final class BackingFile {
  private BackingFile() {}

  /** Makes a sparse file, durably. Refuses if there is a file already, or no room for it. */
  static void create(Path file, long size) {
    try {
      Files.newByteChannel(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE).close();
    } catch (FileAlreadyExistsException e) {
      throw Refusal.conflict(file + " is there already; it is not overwritten");
    } catch (IOException e) {
      throw noRoom(file, size, e);
    }
    try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
      f.setLength(size);
      f.getChannel().force(true);
      DataDirectory.sync(parent(file));
    } catch (IOException e) {
      throw noRoom(file, size, e);
    }
  }

  /** Removes the file, durably; no error if there is none. */
  static void delete(Path file) throws IOException {
    if (Files.deleteIfExists(file)) {
      DataDirectory.sync(parent(file));
    }
  }

  private static Path parent(Path file) {
    Path parent = file.getParent();
    return parent == null ? Path.of("/") : parent;
  }

  private static Refusal noRoom(Path file, long size, IOException e) {
    String why = String.valueOf(e.getMessage());
    if (why.contains("File too large") || why.contains("Invalid argument")) {
      return Refusal.impossible(
          "size " + size + " is more than the file system of " + file + " can hold");
    }
    return new Refusal(
        why.contains("No space") || why.contains("quota")
            ? Refusal.Kind.NO_SPACE
            : Refusal.Kind.UNAVAILABLE,
        file + " cannot be made: " + why);
  }
}
