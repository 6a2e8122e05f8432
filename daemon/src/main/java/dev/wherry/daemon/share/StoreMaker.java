package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.volume.Await;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeOpener;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.map.BlockMap;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * Makes the store of a volume of which nothing is here yet, and the map that says so. The store
 * reads as zeroes: what was in a file or disk that was given is gone. Blocks.
 */
final class StoreMaker {
  /** The number of a volume's first map. */
  static final long FIRST_MAP = 1;

  private static final long STEP = 1L << 30;
  private static final Duration LIMIT = Duration.ofSeconds(45);

  private final MapFiles maps;

  StoreMaker(MapFiles maps) {
    this.maps = maps;
  }

  /**
   * Makes both.
   *
   * @param volume has one backing, a path
   */
  void make(VolumeRecord volume, VolumeOpener opener) {
    Backing backing = volume.backing().get(0);
    Path file = Path.of(backing.spec());
    if (!Files.exists(file)) {
      opener.create(file, volume.size());
    } else if (backing.managed()) {
      throw Refusal.conflict(file + " is there already; it is not overwritten");
    } else {
      empty(volume, opener, file);
    }
    Await.done(
        maps.create(volume.suid(), FIRST_MAP, volume.size(), volume.blockSize(), BlockMap.NOT_HERE)
            .close(),
        LIMIT,
        "making the map of volume " + volume.suid());
  }

  /** Opening it tells whether anybody else has it. */
  private static void empty(VolumeRecord volume, VolumeOpener opener, Path file) {
    BlockDevice device = opener.device(volume.suid(), file.toString(), false);
    try {
      long there = device.info().size();
      if (there < volume.size()) {
        if (!Files.isRegularFile(file)) {
          throw Refusal.impossible(
              "store " + file + " has " + there + " bytes, the volume " + volume.size());
        }
        Await.done(device.resize(volume.size()), LIMIT, "resizing store " + file);
      }
      long end = System.nanoTime() + LIMIT.toNanos();
      for (long at = 0; at < volume.size(); at += STEP) {
        Duration left = Duration.ofNanos(Math.max(1, end - System.nanoTime()));
        Await.done(
            device.zero(at, Math.min(STEP, volume.size() - at), 0),
            left.plusMillis(TimeUnit.SECONDS.toMillis(1)),
            "emptying store " + file);
      }
      Await.done(device.flush(), LIMIT, "flushing store " + file);
    } finally {
      opener.close(device);
    }
  }
}
