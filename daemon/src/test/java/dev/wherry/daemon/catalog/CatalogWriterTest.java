package dev.wherry.daemon.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CatalogWriterTest {
  @TempDir Path dir;

  @Test
  void aFullDiskRefusesTheChangeAndTheNextOneThatFitsIsMade() throws Exception {
    try (Connection db = DriverManager.getConnection("jdbc:sqlite:" + dir.resolve("c.db"));
        Statement s = db.createStatement()) {
      s.execute("CREATE TABLE t (v)");
      s.execute("PRAGMA max_page_count = 8");
      CatalogWriter writer = new CatalogWriter(db);
      writer.start();
      CompletionException e =
          assertThrows(CompletionException.class, () -> insert(writer, 1 << 20));
      assertTrue(assertInstanceOf(CatalogException.class, e.getCause()).noSpace());
      insert(writer, 10);
      writer.stop();
      try (ResultSet r = s.executeQuery("SELECT count(*) FROM t")) {
        r.next();
        assertEquals(1, r.getInt(1));
      }
    }
  }

  private static void insert(CatalogWriter writer, int bytes) {
    writer
        .submit(
            c -> {
              try (Statement s = c.createStatement()) {
                s.execute("INSERT INTO t VALUES (zeroblob(" + bytes + "))");
              }
            })
        .join();
  }
}
