package dev.wherry.daemon.process;

import dev.wherry.daemon.config.ConfigurationException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

/**
 * Where everything lies.
 *
 * <pre>
 *  DATA/lock              held by the running daemon, names its process
 *       catalog.db        what the node remembers (and catalog.db-wal)
 *       catalog.reserve   room that is kept for it
 *       volumes/SUID.img  default backing: a sparse file
 *       maps/SUID.N.map   which blocks of a shared volume are here
 *       nbd.sock          every volume, over a unix socket
 *       sockets/SUID.sock one volume, over a unix socket
 *       plugins/*.jar     third parties' devices and handlers
 *       rehearsal/        while hand-overs are rehearsed
 * </pre>
 *
 * @param root absolute
 */
public record DataDirectory(Path root) {

  /** Makes the directories that are missing, for the daemon's user alone. */
  public void create() {
    for (Path dir : new Path[] {root, volumes(), maps(), batches(), sockets(), plugins()}) {
      try {
        if (!Files.isDirectory(dir)) {
          Files.createDirectories(
              dir,
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
      } catch (FileAlreadyExistsException e) {
        throw new ConfigurationException("data", dir + " is not a directory");
      } catch (IOException e) {
        throw new ConfigurationException("data", dir + " cannot be made: " + e);
      }
    }
    if (!Files.isWritable(root)) {
      throw new ConfigurationException("data", root + " cannot be written");
    }
  }

  public Path lock() {
    return root.resolve("lock");
  }

  public Path catalog() {
    return root.resolve("catalog.db");
  }

  /** Room on the disk that is kept for the catalog. */
  public Path catalogReserve() {
    return root.resolve("catalog.reserve");
  }

  /** The files that the daemon holds open or locked and that are nobody's volume. */
  public List<Path> own() {
    String catalog = catalog().getFileName().toString();
    return List.of(
        lock(),
        catalog(),
        root.resolve(catalog + "-wal"),
        root.resolve(catalog + "-shm"),
        catalogReserve());
  }

  public Path volumes() {
    return root.resolve("volumes");
  }

  public Path maps() {
    return root.resolve("maps");
  }

  /** One block map of a volume. */
  public Path map(String suid, long number) {
    return maps().resolve(suid + "." + number + ".map");
  }

  public Path batches() {
    return root.resolve("batches");
  }

  /** What another node sends of a volume, to be applied to this node's store as one. */
  public Path batch(String suid) {
    return batches().resolve(suid + ".batch");
  }

  public Path sockets() {
    return root.resolve("sockets");
  }

  public Path plugins() {
    return root.resolve("plugins");
  }

  /** Of what is played before the first real hand-over; nothing there is worth anything. */
  public Path rehearsal() {
    return root.resolve("rehearsal");
  }

  /** The default backing of a volume. */
  public Path image(String suid) {
    return volumes().resolve(suid + ".img");
  }

  /** The unix socket of one volume. */
  public Path socket(String suid) {
    return sockets().resolve(suid + ".sock");
  }

  /** Makes the names in a directory durable: a file is not until its name is. */
  public static void sync(Path dir) throws IOException {
    try (FileChannel d = FileChannel.open(dir, StandardOpenOption.READ)) {
      d.force(true);
    }
  }
}
