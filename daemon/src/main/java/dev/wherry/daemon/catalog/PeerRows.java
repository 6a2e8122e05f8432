package dev.wherry.daemon.catalog;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;

/** Other nodes as rows. Stateless; the caller holds the connection and the transaction. */
final class PeerRows {
  /**
   * A record as it was found.
   *
   * @param intact its checksum is the one that was written with it
   */
  record Stored(PeerRecord peer, boolean intact) {}

  private PeerRows() {}

  static List<Stored> read(Connection db) throws SQLException {
    return Rows.read(
        db,
        "SELECT name, link, uuid, added_at, checksum FROM peer ORDER BY name",
        r -> {
          PeerRecord p =
              new PeerRecord(r.getString(1), r.getString(2), r.getString(3), r.getLong(4));
          return new Stored(p, p.checksum() == r.getLong(5));
        });
  }

  static void put(Connection db, PeerRecord p) throws SQLException {
    Rows.update(
        db,
        "INSERT INTO peer VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
            + " link = excluded.link, uuid = excluded.uuid, added_at = excluded.added_at,"
            + " checksum = excluded.checksum",
        p.name(),
        p.link(),
        p.uuid(),
        p.addedAt(),
        p.checksum());
  }

  static void remove(Connection db, String name) throws SQLException {
    Rows.update(db, "DELETE FROM peer WHERE name = ?", name);
  }
}
