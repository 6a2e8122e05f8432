package dev.wherry.daemon.catalog;

import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.process.DataDirectory;
import java.util.function.Function;

/**
 * How the catalog names the images that the daemon made: by their place in the data directory, so
 * that a directory that was copied or moved has its own images, and never another's.
 */
record OwnImages(DataDirectory data) {
  /** As it is written. */
  VolumeRecord stored(VolumeRecord volume) {
    return with(volume, suid -> data.root().relativize(data.image(suid)).toString());
  }

  /** As it is used: whatever was written, an image of ours is in this data directory. */
  VolumeRecord located(VolumeRecord volume) {
    return with(volume, suid -> data.image(suid).toString());
  }

  private static VolumeRecord with(VolumeRecord volume, Function<String, String> spec) {
    return volume.withBacking(
        volume.backing().stream()
            .map(b -> b.managed() ? new Backing(spec.apply(volume.suid()), true) : b)
            .toList());
  }
}
