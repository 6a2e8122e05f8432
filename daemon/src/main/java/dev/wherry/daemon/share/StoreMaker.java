package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.volume.Await;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeOpener;
import dev.wherry.nbd.Extent;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * Makes the store of a volume of which nothing is here yet, and the map that says so. The store
 * reads as zeroes. A file or disk that was given and holds data is refused, not overwritten.
 * Blocks.
 */
final class StoreMaker {
  /** The number of a volume's first map. */
  static final long FIRST_MAP = 1;

  private static final long STEP = 1L << 30;
  private static final int PIECE = 1 << 20;
  private static final long EDGE = 4L << 20;
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

  /**
   * A file with anything but holes and zeroes, or a disk that begins or ends with anything else:
   * the places of partition tables and file systems.
   */
  private static void refuseData(BlockDevice device, Path file) {
    long size = device.info().size();
    boolean whole = Files.isRegularFile(file);
    for (long at = 0; at < size; ) {
      long end = whole || at >= size - EDGE ? size : Math.min(size, EDGE);
      Extent first =
          Await.done(
                  device.status(Extent.BASE_ALLOCATION, at, end - at, 1),
                  LIMIT,
                  "looking at store " + file)
              .get(0);
      int length = (int) Math.min(PIECE, Math.min(first.length(), end - at));
      boolean zero = (first.flags() & Extent.ZERO) != 0;
      if (!zero && hasData(device, at, length, file)) {
        throw Refusal.conflict(
            "store " + file + " holds data, at offset " + at + "; it is not overwritten");
      }
      at += zero ? Math.min(first.length(), end - at) : length;
      at = !whole && at == EDGE ? Math.max(at, size - EDGE) : at;
    }
  }

  private static boolean hasData(BlockDevice device, long at, int length, Path file) {
    ByteBuf data = Await.done(device.read(at, length), LIMIT, "reading store " + file);
    try {
      return data.forEachByte(value -> value == 0) >= 0;
    } finally {
      data.release();
    }
  }

  /** Opening it tells whether anybody else has it. */
  private static void empty(VolumeRecord volume, VolumeOpener opener, Path file) {
    BlockDevice device = opener.device(volume.suid(), file.toString(), false);
    try {
      long there = device.info().size();
      refuseData(device, file);
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
