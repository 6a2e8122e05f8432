package dev.wherry.daemon.catalog;

import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.catalog.VolumeRecord.State;
import dev.wherry.daemon.process.DataDirectory;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Checks a catalog that no daemon has open: the file's structure, the records' checksums, and that
 * what they speak of is there. Changes nothing. Not thread-safe; blocks.
 */
public final class CatalogCheck {
  private final Path data;
  private final List<String> findings = new ArrayList<>();
  private final Set<String> shared = new HashSet<>();

  private CatalogCheck(Path data) {
    this.data = data;
  }

  /**
   * Checks the catalog of a data directory.
   *
   * @return one line for each thing that is wrong; empty if all is well
   */
  public static List<String> run(Path data) {
    CatalogCheck check = new CatalogCheck(data);
    Path file = data.resolve("catalog.db");
    try {
      if (!Files.isRegularFile(file)) {
        check.findings.add("there is no catalog at " + file);
        check.orphans(Set.of());
      } else {
        check.copied(file);
      }
    } catch (IOException e) {
      check.findings.add(data + " cannot be read: " + e);
    }
    return List.copyOf(check.findings);
  }

  /** SQLite may change a file that it only reads: it makes up for a crash. So it gets a copy. */
  private void copied(Path file) throws IOException {
    Path dir = Files.createTempDirectory("wherry-check");
    Path copy = dir.resolve("catalog.db");
    Path log = dir.resolve("catalog.db-wal");
    try {
      Files.copy(file, copy);
      Path written = file.resolveSibling("catalog.db-wal");
      if (Files.exists(written)) {
        Files.copy(written, log);
      }
      open(file, copy);
    } finally {
      Files.deleteIfExists(log);
      Files.deleteIfExists(copy);
      Files.deleteIfExists(dir);
    }
  }

  private void open(Path file, Path copy) throws IOException {
    try (Connection db = CatalogFile.open(copy)) {
      structure(db);
      if (findings.isEmpty()) {
        int version = Schema.version(db);
        Schema.verify(db, version);
        if (version == 0) {
          findings.add("the catalog " + file + " is empty: it knows no volume and no node");
          orphans(Set.of());
        } else if (version != Schema.newest()) {
          findings.add(
              "the catalog's version is "
                  + version
                  + ", a start of the daemon makes it "
                  + Schema.newest());
        } else {
          List<VolumeRows.Stored> stored = VolumeRows.read(db);
          Map<String, VolumeRecord> bySuid = new HashMap<>();
          stored.forEach(v -> bySuid.put(v.volume().suid(), v.volume()));
          for (ShareRows.Stored share : ShareRows.read(db)) {
            shared.add(share.share().suid());
          }
          volumes(stored);
          findings.addAll(ShareCheck.run(db, new DataDirectory(data), bySuid));
        }
      }
    } catch (SQLException | CatalogException | IllegalArgumentException e) {
      findings.add(file + " cannot be read: " + e.getMessage());
    }
  }

  private void structure(Connection db) throws SQLException {
    try (Statement s = db.createStatement()) {
      try (ResultSet r = s.executeQuery("PRAGMA integrity_check")) {
        while (r.next()) {
          if (!"ok".equals(r.getString(1))) {
            findings.add("structure: " + r.getString(1).replace('\n', ' '));
          }
        }
      }
      try (ResultSet r = s.executeQuery("PRAGMA foreign_key_check")) {
        while (r.next()) {
          findings.add(
              "structure: a row of " + r.getString(1) + " has no row in " + r.getString(3));
        }
      }
    }
  }

  private void volumes(List<VolumeRows.Stored> stored) throws IOException {
    OwnImages images = new OwnImages(new DataDirectory(data));
    Set<String> suids = new HashSet<>();
    Set<Path> known = new HashSet<>();
    for (VolumeRows.Stored s : stored) {
      VolumeRecord v = images.located(s.volume());
      if (!s.intact()) {
        findings.add("volume " + v.suid() + ": its record does not match its checksum");
      }
      if (v.state() != State.READY) {
        findings.add(
            "volume "
                + v.suid()
                + ": its "
                + (v.state() == State.CREATING ? "creation" : "deletion")
                + " was cut off; the next start of the daemon cleans it up");
      }
      if (v.backing().isEmpty() && !shared.contains(v.suid())) {
        findings.add("volume " + v.suid() + ": it has no backing");
      }
      for (Backing b : v.backing()) {
        backing(v, b, suids, known);
      }
      suids.add(v.suid());
    }
    orphans(known);
  }

  private void backing(VolumeRecord v, Backing b, Set<String> before, Set<Path> known)
      throws IOException {
    if (b.spec().startsWith("wherry:")) {
      String other = b.spec().substring("wherry:".length());
      if (!before.contains(other)) {
        findings.add("volume " + v.suid() + ": it is an alias of " + other + ", which is unknown");
      }
    } else if (b.spec().startsWith("/")) {
      Path file = Path.of(b.spec());
      known.add(file);
      if (v.state() == State.READY && !Files.exists(file)) {
        findings.add("volume " + v.suid() + ": " + file + " is missing");
      } else if (v.state() == State.READY
          && v.backing().size() == 1
          && Files.isRegularFile(file)
          && Files.size(file) < v.size()) {
        findings.add(
            "volume "
                + v.suid()
                + ": "
                + file
                + " has "
                + Files.size(file)
                + " bytes, the volume "
                + v.size());
      }
    }
  }

  private void orphans(Set<Path> known) throws IOException {
    Path volumes = data.resolve("volumes");
    if (!Files.isDirectory(volumes)) {
      return;
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(volumes)) {
      for (Path f : files) {
        if (!known.contains(f)) {
          findings.add("orphan: " + f + " belongs to no volume");
        }
      }
    }
  }
}
