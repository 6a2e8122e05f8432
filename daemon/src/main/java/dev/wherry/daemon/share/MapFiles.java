package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.shared.FileBatchLog;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The files {@code DATA/maps/SUID.N.map}, one block map each. Methods block. */
final class MapFiles {
  /** What makes maps of files. Blocks. */
  interface Format {
    /**
     * Makes a map, durably.
     *
     * @param file what is there is overwritten
     * @param size of the volume in bytes
     * @param state of all blocks
     */
    BlockMap create(Path file, long size, int blockSize, int state) throws IOException;

    /**
     * Opens a map.
     *
     * @param store what it is about; nobody else uses it now
     */
    BlockMap open(Path file, long size, int blockSize, BlockDevice store) throws IOException;
  }

  private static final Pattern NAME = Pattern.compile("(.+)\\.[0-9]+\\.map.*");

  private final DataDirectory data;
  private final Format format;

  MapFiles(DataDirectory data, Format format) {
    this.data = data;
    this.format = format;
  }

  BlockMap create(String suid, long number, long size, int blockSize, int state) {
    Path file = data.map(suid, number);
    try {
      BlockMap map = format.create(file, size, blockSize, state);
      DataDirectory.sync(data.maps());
      return map;
    } catch (IOException e) {
      throw new UncheckedIOException("map " + file + " cannot be made: " + e.getMessage(), e);
    }
  }

  BlockMap open(String suid, long number, long size, int blockSize, BlockDevice store) {
    Path file = data.map(suid, number);
    try {
      return format.open(file, size, blockSize, store);
    } catch (IOException e) {
      throw new UncheckedIOException("map " + file + " cannot be opened: " + e.getMessage(), e);
    }
  }

  /** Removes one map; no error if there is none. */
  void remove(String suid, long number) {
    try {
      if (Files.deleteIfExists(data.map(suid, number))) {
        DataDirectory.sync(data.maps());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "map " + data.map(suid, number) + " cannot be removed: " + e.getMessage(), e);
    }
  }

  /** Where the batches of a volume are kept that another node owns. */
  Path batch(String suid) {
    return data.batch(suid);
  }

  /** Removes all maps of a volume, and what it has of a batch. */
  void removeAll(String suid) {
    try {
      Path batch = data.batch(suid);
      Files.deleteIfExists(batch);
      Files.deleteIfExists(batch.resolveSibling(batch.getFileName() + FileBatchLog.DAMAGED));
    } catch (IOException e) {
      throw new UncheckedIOException("batch of volume " + suid + " cannot be removed: " + e, e);
    }
    removeIf(
        file -> {
          Matcher m = NAME.matcher(name(file));
          return m.matches() && m.group(1).equals(suid);
        });
  }

  /** Removes the maps that no share refers to. */
  List<Path> sweep(List<ShareRecord> shares) {
    Set<Path> known =
        shares.stream()
            .filter(s -> s.state().map() != 0)
            .map(s -> data.map(s.suid(), s.state().map()))
            .collect(Collectors.toUnmodifiableSet());
    return removeIf(file -> NAME.matcher(name(file)).matches() && !known.contains(file));
  }

  private interface Choice {
    boolean test(Path file);
  }

  private List<Path> removeIf(Choice choice) {
    List<Path> removed = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(data.maps())) {
      for (Path f : files) {
        if (choice.test(f)) {
          Files.deleteIfExists(f);
          removed.add(f);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("maps in " + data.maps() + " cannot be removed: " + e, e);
    }
    return removed;
  }

  private static String name(Path file) {
    return String.valueOf(file.getFileName());
  }
}
