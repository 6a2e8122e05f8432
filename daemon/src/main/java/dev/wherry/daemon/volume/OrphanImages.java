package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.process.DataDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Images in the data directory that no volume has: the catalog may have been lost. */
final class OrphanImages {
  private static final Logger log = LoggerFactory.getLogger(OrphanImages.class);
  private static final int MOST_NAMED = 20;

  private OrphanImages() {}

  /** Names them in the log, once; they are left alone. Blocks. */
  static void warn(DataDirectory data, List<VolumeRecord> volumes) {
    List<String> orphans = find(data, volumes);
    if (!orphans.isEmpty()) {
      log.warn(
          "{} images in {} belong to no volume in the catalog, and are left alone: {}{}",
          orphans.size(),
          data.volumes(),
          String.join(" ", orphans.subList(0, Math.min(MOST_NAMED, orphans.size()))),
          orphans.size() > MOST_NAMED ? " ..." : "");
    }
  }

  static List<String> find(DataDirectory data, List<VolumeRecord> volumes) {
    Set<Path> known =
        volumes.stream().map(v -> data.image(v.suid())).collect(Collectors.toUnmodifiableSet());
    try (Stream<Path> files = Files.list(data.volumes())) {
      return files
          .filter(f -> !known.contains(f))
          .map(f -> String.valueOf(f.getFileName()))
          .sorted()
          .toList();
    } catch (IOException e) {
      log.warn("{} cannot be read: {}", data.volumes(), e.toString());
      return List.of();
    }
  }
}
