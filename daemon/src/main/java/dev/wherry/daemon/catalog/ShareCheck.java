package dev.wherry.daemon.catalog;

import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareState;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The part of {@link CatalogCheck} that is about other nodes and what they share. */
final class ShareCheck {
  private static final String NODE = "node:";

  private final DataDirectory data;
  private final Map<String, VolumeRecord> volumes;
  private final List<String> findings = new ArrayList<>();
  private final Set<Path> maps = new HashSet<>();
  private final Set<String> peers = new HashSet<>();
  private String self = "";

  private ShareCheck(DataDirectory data, Map<String, VolumeRecord> volumes) {
    this.data = data;
    this.volumes = volumes;
  }

  /**
   * One line for each thing that is wrong.
   *
   * @param volumes all of them, by SUID
   */
  static List<String> run(Connection db, DataDirectory data, Map<String, VolumeRecord> volumes)
      throws SQLException, IOException {
    ShareCheck check = new ShareCheck(data, volumes);
    check.nodes(db);
    for (ShareRows.Stored s : ShareRows.read(db)) {
      check.share(s);
    }
    check.orphans();
    return check.findings;
  }

  private void nodes(Connection db) throws SQLException {
    List<String> names = Rows.read(db, "SELECT name FROM node", r -> r.getString(1));
    self = names.isEmpty() ? "" : names.get(0);
    for (PeerRows.Stored p : PeerRows.read(db)) {
      peers.add(p.peer().name());
      if (!p.intact()) {
        findings.add("node " + p.peer().name() + ": its record does not match its checksum");
      }
      if (p.peer().name().equals(self)) {
        findings.add("node " + self + ": it is this node and another one");
      }
    }
  }

  private void share(ShareRows.Stored stored) {
    String suid = stored.share().suid();
    ShareState s = stored.share().state();
    if (!stored.intact()) {
      find(suid, "its share does not match its checksum");
    }
    boolean owner = s.role() == Role.OWNER;
    if (owner != s.owner().equals(self)) {
      find(suid, "its role is " + s.role().label() + ", but its owner is node " + s.owner());
    }
    if (owner && s.wanted()) {
      find(suid, "this node wants the ownership that it has");
    }
    if (!owner) {
      known(suid, s.owner());
    }
    s.members().forEach(m -> known(suid, m));
    source(suid, s.source());
    source(suid, s.base());
    store(suid, s);
    map(suid, s);
  }

  private void source(String suid, @Nullable String source) {
    if (source != null && source.startsWith(NODE)) {
      known(suid, source.substring(NODE.length()));
    }
  }

  private void known(String suid, String node) {
    if (!peers.contains(node) && !node.equals(self)) {
      find(suid, "it needs node " + node + ", which is unknown");
    }
  }

  private void store(String suid, ShareState s) {
    VolumeRecord v = volumes.get(suid);
    if (v == null || v.state() != VolumeRecord.State.READY) {
      return;
    }
    if (s.hasStore() && v.backing().isEmpty()) {
      find(suid, "it has no backing");
    }
    if (!s.hasStore() && !v.backing().isEmpty()) {
      find(
          suid, "its store was given up and is there still; the next start of the daemon frees it");
    }
  }

  private void map(String suid, ShareState s) {
    if (s.map() == 0) {
      if (s.role() == Role.OWNER && s.source() != null) {
        find(suid, "it has a source, but no map of what is here");
      }
      return;
    }
    Path file = data.map(suid, s.map());
    maps.add(file);
    VolumeRecord v = volumes.get(suid);
    if (v != null && v.state() == VolumeRecord.State.READY && !Files.isRegularFile(file)) {
      find(suid, "its map " + file + " is missing");
    }
  }

  private void orphans() throws IOException {
    if (!Files.isDirectory(data.maps())) {
      return;
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(data.maps())) {
      for (Path f : files) {
        if (!maps.contains(f)) {
          findings.add(
              "orphan: map " + f + " belongs to no volume; a start of the daemon removes it");
        }
      }
    }
  }

  private void find(String suid, String what) {
    findings.add("volume " + suid + ": " + what);
  }
}
