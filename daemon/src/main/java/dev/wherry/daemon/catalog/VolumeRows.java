package dev.wherry.daemon.catalog;

import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.catalog.VolumeRecord.State;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Volumes as rows. Stateless; the caller holds the connection and the transaction. */
final class VolumeRows {
  /**
   * A record as it was found.
   *
   * @param intact its checksum is the one that was written with it
   */
  record Stored(VolumeRecord volume, boolean intact) {}

  private VolumeRows() {}

  static List<Stored> read(Connection db) throws SQLException {
    List<Stored> found = new ArrayList<>();
    try (PreparedStatement q =
            db.prepareStatement(
                "SELECT id, suid, size, block_size, read_only, handler, state, created_at,"
                    + " checksum FROM volume ORDER BY id");
        ResultSet r = q.executeQuery()) {
      while (r.next()) {
        long id = r.getLong(1);
        VolumeRecord v =
            new VolumeRecord(
                r.getString(2),
                r.getLong(3),
                r.getInt(4),
                r.getBoolean(5),
                r.getString(6),
                settings(db, id),
                backing(db, id),
                access(db, id),
                State.valueOf(r.getString(7)),
                r.getLong(8));
        found.add(new Stored(v, v.checksum() == r.getLong(9)));
      }
    }
    return found;
  }

  static void put(Connection db, VolumeRecord v) throws SQLException {
    long id = upsert(db, v);
    for (String table : new String[] {"volume_backing", "volume_setting", "volume_access"}) {
      Rows.update(db, "DELETE FROM " + table + " WHERE volume_id = ?", id);
    }
    int position = 0;
    for (Backing b : v.backing()) {
      Rows.update(
          db,
          "INSERT INTO volume_backing VALUES (?, ?, ?, ?)",
          id,
          position++,
          b.spec(),
          b.managed() ? 1 : 0);
    }
    for (Map.Entry<String, String> e : v.settings().entrySet()) {
      Rows.update(db, "INSERT INTO volume_setting VALUES (?, ?, ?)", id, e.getKey(), e.getValue());
    }
    position = 0;
    for (String rule : v.access()) {
      Rows.update(db, "INSERT INTO volume_access VALUES (?, ?, ?)", id, position++, rule);
    }
  }

  static void remove(Connection db, String suid) throws SQLException {
    Rows.update(db, "DELETE FROM volume WHERE suid = ?", suid);
  }

  private static long upsert(Connection db, VolumeRecord v) throws SQLException {
    Rows.update(
        db,
        "INSERT INTO volume (suid, size, block_size, read_only, handler, state, created_at,"
            + " checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (suid) DO UPDATE SET"
            + " size = excluded.size, block_size = excluded.block_size,"
            + " read_only = excluded.read_only, handler = excluded.handler,"
            + " state = excluded.state, created_at = excluded.created_at,"
            + " checksum = excluded.checksum",
        v.suid(),
        v.size(),
        v.blockSize(),
        v.readOnly() ? 1 : 0,
        v.handler(),
        v.state().name(),
        v.createdAt(),
        v.checksum());
    try (PreparedStatement q = db.prepareStatement("SELECT id FROM volume WHERE suid = ?")) {
      q.setString(1, v.suid());
      try (ResultSet r = q.executeQuery()) {
        r.next();
        return r.getLong(1);
      }
    }
  }

  private static Map<String, String> settings(Connection db, long id) throws SQLException {
    Map<String, String> found = new LinkedHashMap<>();
    try (PreparedStatement q =
        db.prepareStatement(
            "SELECT key, value FROM volume_setting WHERE volume_id = ? ORDER BY key")) {
      q.setLong(1, id);
      try (ResultSet r = q.executeQuery()) {
        while (r.next()) {
          found.put(r.getString(1), r.getString(2));
        }
      }
    }
    return found;
  }

  private static List<Backing> backing(Connection db, long id) throws SQLException {
    List<Backing> found = new ArrayList<>();
    try (PreparedStatement q =
        db.prepareStatement(
            "SELECT spec, managed FROM volume_backing WHERE volume_id = ? ORDER BY position")) {
      q.setLong(1, id);
      try (ResultSet r = q.executeQuery()) {
        while (r.next()) {
          found.add(new Backing(r.getString(1), r.getBoolean(2)));
        }
      }
    }
    return found;
  }

  private static List<String> access(Connection db, long id) throws SQLException {
    List<String> found = new ArrayList<>();
    try (PreparedStatement q =
        db.prepareStatement(
            "SELECT rule FROM volume_access WHERE volume_id = ? ORDER BY position")) {
      q.setLong(1, id);
      try (ResultSet r = q.executeQuery()) {
        while (r.next()) {
          found.add(r.getString(1));
        }
      }
    }
    return found;
  }
}
