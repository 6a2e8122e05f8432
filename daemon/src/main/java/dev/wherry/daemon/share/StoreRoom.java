package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.path.io.FileStat;
import dev.wherry.path.io.Posix;
import dev.wherry.path.io.PosixException;
import dev.wherry.path.shared.SharedVolume;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Room for stores: it is booked, not allocated. A store may come to take as many bytes as the
 * blocks take at the owner, and a little more; what stores of this node have booked and not taken
 * yet is not free. Blocks.
 */
final class StoreRoom {
  /** One twentieth more than is allocated at the owner. */
  private static final int HEADROOM = 20;

  private static final Logger log = LoggerFactory.getLogger(StoreRoom.class);

  private final VolumeRegistry registry;

  StoreRoom(VolumeRegistry registry) {
    this.registry = registry;
  }

  /** What is to be booked for blocks that take so many bytes elsewhere. */
  static long booking(long room) {
    return room + room / HEADROOM;
  }

  /**
   * Refuses a store for which there is no room.
   *
   * @param store the file, or where it will be
   * @param booking bytes that it may come to take
   */
  void check(Path store, long booking) {
    try {
      Path place = Files.exists(store) ? store : parent(store);
      long taken = 0;
      if (Files.exists(store)) {
        FileStat stat = Posix.stat(store);
        if (stat.kind() != FileStat.Kind.REGULAR) {
          // A disk has the room that it has; that it is large enough is checked when it is opened.
          return;
        }
        taken = stat.allocated();
      }
      FileStore system = Files.getFileStore(place);
      long booked = booked(system);
      long free = Math.max(0, system.getUsableSpace() - booked);
      long needed = Math.max(0, booking - taken);
      if (needed > free) {
        throw new Refusal(
            Refusal.Kind.NO_SPACE,
            "the volume needs "
                + needed
                + " bytes in "
                + place
                + ", where "
                + free
                + " are free"
                + (booked > 0 ? " and " + booked + " are booked for other volumes" : ""));
      }
    } catch (IOException e) {
      throw Refusal.impossible("the room in " + parent(store) + " is unknown: " + e.getMessage());
    }
  }

  /** Bytes of a file system that are free, but will be taken. */
  long booked(FileStore system) {
    long sum = 0;
    for (VolumeEntry e : registry.list()) {
      ShareRecord share = e.share();
      if (share == null || share.options().booked() == 0 || e.record().backing().isEmpty()) {
        continue;
      }
      Path file = Path.of(e.record().backing().get(0).spec());
      try {
        if (Files.getFileStore(file).equals(system)) {
          sum += Math.max(0, share.options().booked() - Posix.stat(file).allocated());
        }
      } catch (IOException gone) {
        // A store that is not there takes nothing, and its volume is shown as failed.
        log.debug("the room that {} takes is unknown", file, gone);
      }
    }
    return sum;
  }

  /** Bytes that a whole copy of the volume takes, as far as that can be told. */
  static long room(VolumeEntry entry) {
    VolumeRecord v = entry.record();
    long sum = 0;
    for (Backing b : v.backing()) {
      String path = b.spec().startsWith("file:") ? b.spec().substring(5) : b.spec();
      try {
        FileStat stat = path.startsWith("/") ? Posix.stat(Path.of(path)) : null;
        if (stat == null || stat.kind() != FileStat.Kind.REGULAR) {
          return v.size();
        }
        sum += stat.allocated();
      } catch (PosixException e) {
        return v.size();
      }
    }
    SharedVolume engine = entry.engine();
    if (engine != null) {
      SharedVolume.Blocks blocks = engine.blocks();
      sum += (blocks.total() - blocks.here()) * v.blockSize();
    }
    return Math.min(sum, v.size());
  }

  private static Path parent(Path file) {
    Path parent = file.getParent();
    return parent == null ? Path.of("/") : parent;
  }
}
