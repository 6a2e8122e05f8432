package dev.wherry.daemon.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.path.io.Posix;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
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
      CatalogWriter writer = new CatalogWriter(db, CatalogWriter.Reserve.NONE);
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

  /** A disk that is full, and room that is kept on it. */
  private static final class Kept implements CatalogWriter.Reserve {
    private final Statement disk;
    private boolean there;

    Kept(Statement disk) {
      this.disk = disk;
    }

    @Override
    public boolean giveUp() {
      boolean was = there;
      there = false;
      try {
        disk.execute("PRAGMA max_page_count = " + (was ? 64 : 8));
      } catch (SQLException e) {
        throw new IllegalStateException(e);
      }
      return was;
    }

    @Override
    public boolean refill() {
      there = true;
      return true;
    }
  }

  @Test
  void onAFullDiskAChangeIsMadeInTheRoomThatIsKeptForIt() throws Exception {
    try (Connection db = DriverManager.getConnection("jdbc:sqlite:" + dir.resolve("c.db"));
        Statement s = db.createStatement()) {
      s.execute("CREATE TABLE t (v)");
      s.execute("PRAGMA max_page_count = 8");
      CatalogWriter writer = new CatalogWriter(db, new Kept(s));
      writer.start();
      insert(writer, 60_000);
      CompletionException e =
          assertThrows(CompletionException.class, () -> insert(writer, 1 << 20));
      assertTrue(assertInstanceOf(CatalogException.class, e.getCause()).noSpace());
      writer.stop();
      try (ResultSet r = s.executeQuery("SELECT count(*), sum(length(v)) FROM t")) {
        r.next();
        assertEquals(1, r.getInt(1));
        assertEquals(60_000, r.getInt(2));
      }
    }
  }

  @Test
  void theRoomThatIsKeptTakesRoomAndIsGivenUpInSteps() throws Exception {
    DataDirectory data = new DataDirectory(dir);
    CatalogReserve reserve = new CatalogReserve(data);
    assertFalse(reserve.giveUp());
    assertTrue(reserve.refill());
    assertTrue(Posix.stat(data.catalogReserve()).allocated() >= CatalogReserve.BYTES);
    for (int left = CatalogReserve.BYTES; left > 0; left -= CatalogReserve.STEP) {
      assertEquals(left, Files.size(data.catalogReserve()));
      assertTrue(reserve.giveUp());
    }
    assertFalse(reserve.giveUp());
    assertTrue(reserve.refill());
    assertEquals(CatalogReserve.BYTES, Files.size(data.catalogReserve()));
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
