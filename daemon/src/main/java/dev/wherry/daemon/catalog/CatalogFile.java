package dev.wherry.daemon.catalog;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import org.sqlite.JDBC;

/** Opens {@code catalog.db} the one way in which it is ever opened. */
final class CatalogFile {
  private CatalogFile() {}

  static Connection open(Path file) throws SQLException {
    Connection db = JDBC.createConnection("jdbc:sqlite:" + file, new java.util.Properties());
    try (Statement s = db.createStatement()) {
      s.execute("PRAGMA busy_timeout = 5000");
      // One process at a time has it, so the log's index is kept in memory: a file of shared memory
      // cannot be made on a full disk, and a full disk must not keep the daemon from starting.
      s.execute("PRAGMA locking_mode = EXCLUSIVE");
      s.execute("PRAGMA journal_mode = WAL");
      // A commit that was answered survives a power loss.
      s.execute("PRAGMA synchronous = FULL");
      s.execute("PRAGMA foreign_keys = ON");
      s.execute("PRAGMA cache_size = -2048");
    } catch (SQLException e) {
      db.close();
      throw e;
    }
    return db;
  }
}
