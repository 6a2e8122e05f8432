package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which file or disk belongs to which volume, whatever name it goes by: links and second paths are
 * seen through. Two volumes over one file would each break what the other promised. Thread-safe.
 */
final class Claims {
  private static final int BLOCK_DEVICE = 0060000;
  private static final int TYPE_MASK = 0170000;

  /** Not a SUID. */
  private static final String OURS = "";

  private final Map<String, String> owners = new HashMap<>();

  /** Takes all paths of the volume that exist, or refuses and takes none. */
  synchronized void take(VolumeRecord volume) {
    Map<String, String> taken = new HashMap<>();
    for (Backing b : volume.backing()) {
      Optional<String> key = key(b.spec());
      if (key.isEmpty()) {
        continue;
      }
      String owner = owners.get(key.get());
      if (owner != null && !owner.equals(volume.suid())) {
        throw Refusal.conflict(
            owner.equals(OURS)
                ? "backing " + b.spec() + " is a file of wherryd itself"
                : "backing " + b.spec() + " is in use by volume " + owner);
      }
      if (taken.put(key.get(), volume.suid()) != null) {
        throw Refusal.conflict("backing " + b.spec() + " is given twice");
      }
    }
    owners.putAll(taken);
  }

  synchronized void release(String suid) {
    owners.values().removeIf(suid::equals);
  }

  /**
   * Keeps the daemon's own files from being anybody's backing, by whatever name: opening and
   * closing one would, among other things, drop the lock on it.
   */
  synchronized void reserve(List<Path> files) {
    for (Path file : files) {
      key(file.toString()).ifPresent(k -> owners.put(k, OURS));
    }
  }

  private static Optional<String> key(String spec) {
    String path = spec.startsWith("file:") ? spec.substring("file:".length()) : spec;
    if (!path.startsWith("/")) {
      return Optional.empty();
    }
    try {
      Map<String, Object> a = Files.readAttributes(Path.of(path), "unix:mode,dev,ino,rdev");
      boolean disk = ((Integer) a.get("mode") & TYPE_MASK) == BLOCK_DEVICE;
      return Optional.of(disk ? "disk " + a.get("rdev") : a.get("dev") + " " + a.get("ino"));
    } catch (IOException | RuntimeException e) {
      // It is missing or out of reach; opening it says so better.
      return Optional.empty();
    }
  }
}
