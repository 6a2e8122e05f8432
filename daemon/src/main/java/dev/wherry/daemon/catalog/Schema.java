package dev.wherry.daemon.catalog;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

/**
 * The tables of {@code catalog.db} and how an older file becomes a newer one.
 *
 * <pre>
 *  application_id 0x57485259 ("WHRY")     user_version = the last migration
 *
 *  migration            node                  volume ───────────────┐
 *  ─────────            ────                  ──────                │
 *  version    PK        id         PK, = 1    id         PK, order of creation
 *  name                 uuid                  suid       unique     │
 *  applied_at (ms)      name                  size       bytes      │
 *                       created_at (ms)       block_size bytes      │
 *                                             read_only  0, 1       │
 *                                             handler               │
 *                                             state      CREATING, READY, DELETING
 *                                             created_at (ms)       │
 *                                             checksum   CRC-32C of the record
 *                                                                   │
 *  volume_backing ── volume_id, position, spec, managed (0, 1) ─────┤
 *  volume_setting ── volume_id, key, value ─────────────────────────┤
 *  volume_access  ── volume_id, position, rule ─────────────────────┤
 *                                                                   │
 *  since version 2, for volumes that several nodes have:            │
 *                                                                   │
 *  peer                          share ── volume_id, PK ────────────┤
 *  ────                          role       OWNER, STANDBY, FORMER  │
 *  name      PK                  owner      a node's name           │
 *  link      HOST:PORT           epoch                              │
 *  uuid      null until it       read_policy, write_policy          │
 *            was spoken to       manual, has_store, wanted (0, 1)   │
 *  added_at  (ms)                source, base, fence (or null)      │
 *  checksum                      map        its number, 0 for none  │
 *                                checksum   CRC-32C of the state    │
 *                                since version 3:                   │
 *                                losses     0 or more               │
 *                                boot       or null                 │
 *                                since version 4:                   │
 *                                pledge     a node's name or null   │
 *                                pledge_lossy (0, 1)                │
 *                                outdated   FROM-END,FROM-END,…     │
 *                                           blocks, END not with it │
 *                                since version 5, of a fenced one:  │
 *                                successor  a node's name, or null  │
 *                                successor_epoch                    │
 *                                successor_source  UNTOUCHED,       │
 *                                           TAKEN_OVER, CHANGED     │
 *                                                                   │
 *  share_member ── volume_id, position, node ───────────────────────┤
 *  share_range  ── volume_id, position, offset, length, policy ─────┤
 *  share_option ── volume_id, PK, booked, minimum, bandwidth ───────┘
 *                  since version 6: stall (0, 1)
 * </pre>
 *
 * The spec of a managed backing is relative to the data directory; see {@link OwnImages}.
 *
 * <p>A migration is never changed once it was released; a change is a new one at the end of the
 * list. Each runs in one transaction with the step of user_version.
 */
final class Schema {
  /** "WHRY": says whose file it is. */
  static final int APPLICATION_ID = 0x57485259;

  /** One step. */
  private record Migration(String name, List<String> statements) {}

  private static final List<Migration> MIGRATIONS =
      List.of(
          new Migration(
              "volumes of one node",
              List.of(
                  "CREATE TABLE migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL,"
                      + " applied_at INTEGER NOT NULL) STRICT",
                  "CREATE TABLE node (id INTEGER PRIMARY KEY CHECK (id = 1), uuid TEXT NOT NULL,"
                      + " name TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT",
                  "CREATE TABLE volume (id INTEGER PRIMARY KEY AUTOINCREMENT,"
                      + " suid TEXT NOT NULL UNIQUE, size INTEGER NOT NULL CHECK (size > 0),"
                      + " block_size INTEGER NOT NULL CHECK (block_size > 0),"
                      + " read_only INTEGER NOT NULL CHECK (read_only IN (0, 1)),"
                      + " handler TEXT NOT NULL,"
                      + " state TEXT NOT NULL CHECK (state IN ('CREATING', 'READY', 'DELETING')),"
                      + " created_at INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT",
                  "CREATE TABLE volume_backing (volume_id INTEGER NOT NULL"
                      + " REFERENCES volume(id) ON DELETE CASCADE, position INTEGER NOT NULL,"
                      + " spec TEXT NOT NULL, managed INTEGER NOT NULL CHECK (managed IN (0, 1)),"
                      + " PRIMARY KEY (volume_id, position)) STRICT",
                  "CREATE TABLE volume_setting (volume_id INTEGER NOT NULL"
                      + " REFERENCES volume(id) ON DELETE CASCADE, key TEXT NOT NULL,"
                      + " value TEXT NOT NULL, PRIMARY KEY (volume_id, key)) STRICT",
                  "CREATE TABLE volume_access (volume_id INTEGER NOT NULL"
                      + " REFERENCES volume(id) ON DELETE CASCADE, position INTEGER NOT NULL,"
                      + " rule TEXT NOT NULL, PRIMARY KEY (volume_id, position)) STRICT")),
          new Migration(
              "nodes, and volumes that several of them have",
              List.of(
                  "CREATE TABLE peer (name TEXT PRIMARY KEY, link TEXT NOT NULL, uuid TEXT,"
                      + " added_at INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT",
                  "CREATE TABLE share (volume_id INTEGER PRIMARY KEY"
                      + " REFERENCES volume(id) ON DELETE CASCADE,"
                      + " role TEXT NOT NULL CHECK (role IN ('OWNER', 'STANDBY', 'FORMER')),"
                      + " owner TEXT NOT NULL, epoch INTEGER NOT NULL CHECK (epoch > 0),"
                      + " read_policy TEXT NOT NULL, write_policy TEXT NOT NULL,"
                      + " manual INTEGER NOT NULL CHECK (manual IN (0, 1)),"
                      + " has_store INTEGER NOT NULL CHECK (has_store IN (0, 1)),"
                      + " wanted INTEGER NOT NULL CHECK (wanted IN (0, 1)),"
                      + " source TEXT, base TEXT, fence TEXT,"
                      + " map INTEGER NOT NULL CHECK (map >= 0),"
                      + " checksum INTEGER NOT NULL) STRICT",
                  "CREATE TABLE share_member (volume_id INTEGER NOT NULL"
                      + " REFERENCES share(volume_id) ON DELETE CASCADE,"
                      + " position INTEGER NOT NULL, node TEXT NOT NULL,"
                      + " PRIMARY KEY (volume_id, position)) STRICT",
                  "CREATE TABLE share_range (volume_id INTEGER NOT NULL"
                      + " REFERENCES share(volume_id) ON DELETE CASCADE,"
                      + " position INTEGER NOT NULL, offset INTEGER NOT NULL CHECK (offset >= 0),"
                      + " length INTEGER NOT NULL CHECK (length > 0), policy TEXT NOT NULL,"
                      + " PRIMARY KEY (volume_id, position)) STRICT",
                  "CREATE TABLE share_option (volume_id INTEGER PRIMARY KEY"
                      + " REFERENCES share(volume_id) ON DELETE CASCADE,"
                      + " booked INTEGER NOT NULL CHECK (booked >= 0),"
                      + " minimum INTEGER NOT NULL CHECK (minimum >= 0),"
                      + " bandwidth INTEGER NOT NULL CHECK (bandwidth > 0),"
                      + " checksum INTEGER NOT NULL) STRICT")),
          new Migration(
              "owners count what they may have lost",
              List.of(
                  "ALTER TABLE share ADD COLUMN losses INTEGER NOT NULL DEFAULT 0"
                      + " CHECK (losses >= 0)",
                  "ALTER TABLE share ADD COLUMN boot TEXT")),
          new Migration(
              "what a hand-over need not write down while hosts wait",
              List.of(
                  "ALTER TABLE share ADD COLUMN pledge TEXT",
                  "ALTER TABLE share ADD COLUMN pledge_lossy INTEGER NOT NULL DEFAULT 0"
                      + " CHECK (pledge_lossy IN (0, 1))",
                  "ALTER TABLE share ADD COLUMN outdated TEXT NOT NULL DEFAULT ''")),
          new Migration(
              "who owns what is fenced here",
              List.of(
                  "ALTER TABLE share ADD COLUMN successor TEXT",
                  "ALTER TABLE share ADD COLUMN successor_epoch INTEGER NOT NULL DEFAULT 0"
                      + " CHECK (successor_epoch >= 0)",
                  "ALTER TABLE share ADD COLUMN successor_source TEXT")),
          new Migration(
              "whether hosts wait for a source that is away",
              List.of(
                  "ALTER TABLE share_option ADD COLUMN stall INTEGER NOT NULL DEFAULT 0"
                      + " CHECK (stall IN (0, 1))")));

  private Schema() {}

  /** The version that this program writes. */
  static int newest() {
    return MIGRATIONS.size();
  }

  /** Brings the open file to {@link #newest}. An empty file is version 0. */
  static void migrate(Connection db, long now) throws SQLException {
    int version = version(db);
    verify(db, version);
    for (int v = version + 1; v <= newest(); v++) {
      step(db, v, MIGRATIONS.get(v - 1), now);
    }
  }

  /** Refuses a file of another program or of a newer version. */
  static void verify(Connection db, int version) throws SQLException {
    int application = pragma(db, "application_id");
    boolean empty = version == 0 && application == 0 && tables(db) == 0;
    if (!empty && application != APPLICATION_ID) {
      throw new CatalogException("it is not a catalog of Wherry: application_id " + application);
    }
    if (version > newest()) {
      throw new CatalogException(
          "its version is " + version + ", this program knows versions up to " + newest());
    }
  }

  static int version(Connection db) throws SQLException {
    return pragma(db, "user_version");
  }

  private static void step(Connection db, int version, Migration migration, long now)
      throws SQLException {
    db.setAutoCommit(false);
    try (Statement s = db.createStatement()) {
      for (String sql : migration.statements) {
        s.executeUpdate(sql);
      }
      try (var insert = db.prepareStatement("INSERT INTO migration VALUES (?, ?, ?)")) {
        insert.setInt(1, version);
        insert.setString(2, migration.name);
        insert.setLong(3, now);
        insert.executeUpdate();
      }
      s.executeUpdate("PRAGMA application_id = " + APPLICATION_ID);
      s.executeUpdate("PRAGMA user_version = " + version);
      db.commit();
    } catch (SQLException e) {
      db.rollback();
      throw e;
    } finally {
      db.setAutoCommit(true);
    }
  }

  private static int tables(Connection db) throws SQLException {
    try (Statement s = db.createStatement();
        ResultSet r = s.executeQuery("SELECT count(*) FROM sqlite_schema")) {
      return r.next() ? r.getInt(1) : 0;
    }
  }

  private static int pragma(Connection db, String name) throws SQLException {
    try (Statement s = db.createStatement();
        ResultSet r = s.executeQuery("PRAGMA " + name)) {
      return r.next() ? r.getInt(1) : 0;
    }
  }
}
