package dev.wherry.daemon.catalog;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Statements with values. */
final class Rows {
  /** What becomes of a row. */
  interface Reader<T> {
    T read(ResultSet row) throws SQLException;
  }

  private Rows() {}

  static void update(Connection db, String sql, @Nullable Object... values) throws SQLException {
    try (PreparedStatement s = db.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        s.setObject(i + 1, values[i]);
      }
      s.executeUpdate();
    }
  }

  static <T> List<T> read(Connection db, String sql, Reader<T> reader, Object... values)
      throws SQLException {
    List<T> found = new ArrayList<>();
    try (PreparedStatement q = db.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        q.setObject(i + 1, values[i]);
      }
      try (ResultSet r = q.executeQuery()) {
        while (r.next()) {
          found.add(reader.read(r));
        }
      }
    }
    return found;
  }
}
