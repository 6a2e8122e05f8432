package dev.wherry.daemon.catalog;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.catalog.VolumeRecord.State;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.daemon.process.DataLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SqliteCatalogTest {
  @TempDir Path dir;

  private SqliteCatalog open() {
    return SqliteCatalog.open(new DataDirectory(dir), "n", Clock.systemUTC());
  }

  private VolumeRecord volume(String suid) {
    return new VolumeRecord(
        suid,
        1 << 20,
        4096,
        false,
        "local",
        Map.of("k", "v"),
        List.of(new Backing(dir.resolve("volumes/" + suid + ".img").toString(), true)),
        List.of("10.0.0.0/8", "cn:a"),
        State.READY,
        42);
  }

  private void sql(String text) throws SQLException {
    try (Connection c = DriverManager.getConnection("jdbc:sqlite:" + dir.resolve("catalog.db"));
        Statement s = c.createStatement()) {
      s.executeUpdate(text);
    }
  }

  @Test
  void whatWasPutIsThereAfterAReopenInTheOrderOfCreation() {
    try (SqliteCatalog c = open()) {
      c.put(volume("z")).join();
      c.put(volume("a")).join();
      c.put(volume("z").withSize(5)).join();
      c.put(volume("gone")).join();
      c.remove("gone").join();
    }
    try (SqliteCatalog c = open()) {
      assertEquals(List.of(volume("z").withSize(5), volume("a")), c.volumes());
    }
  }

  @Test
  void aDataDirectoryThatWasCopiedOrMovedHasItsOwnImages() throws Exception {
    try (SqliteCatalog c = open()) {
      c.put(volume("a")).join();
    }
    Path copy = Files.createDirectory(dir.resolve("copy"));
    Files.copy(dir.resolve("catalog.db"), copy.resolve("catalog.db"));
    try (SqliteCatalog c = SqliteCatalog.open(new DataDirectory(copy), "n", Clock.systemUTC())) {
      assertEquals(
          List.of(new Backing(copy + "/volumes/a.img", true)), c.volumes().get(0).backing());
    }
    Files.createDirectory(copy.resolve("volumes"));
    Files.write(copy.resolve("volumes/a.img"), new byte[1 << 20]);
    assertEquals(List.of(), CatalogCheck.run(copy));
  }

  @Test
  void anImageThatWasRecordedByItsWholePathIsFound() throws Exception {
    try (SqliteCatalog c = open()) {
      c.put(volume("a")).join();
    }
    VolumeRecord old = volume("a");
    sql("UPDATE volume_backing SET spec = '" + old.backing().get(0).spec() + "'");
    sql("UPDATE volume SET checksum = " + old.checksum());
    try (SqliteCatalog c = open()) {
      assertEquals(List.of(old), c.volumes());
    }
  }

  @Test
  void theIdentityOfANodeStaysWhenItsNameChanges() {
    String uuid;
    try (SqliteCatalog c = open()) {
      uuid = c.identity().uuid();
    }
    try (SqliteCatalog c = SqliteCatalog.open(new DataDirectory(dir), "other", Clock.systemUTC())) {
      assertEquals(new NodeIdentity(uuid, "other"), c.identity());
    }
  }

  @Test
  void changesThatWaitTogetherShareCommits() {
    try (SqliteCatalog c = open()) {
      List<CompletableFuture<Void>> all = new ArrayList<>();
      for (int i = 0; i < 500; i++) {
        all.add(c.put(volume("v" + i)));
      }
      CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new)).join();
      assertTrue(c.commits() < 250, c.commits() + " commits for 500 changes");
    }
    try (SqliteCatalog c = open()) {
      assertEquals(500, c.volumes().size());
    }
  }

  @Test
  void aChangeThatFailsTakesNoOtherWithIt() {
    try (SqliteCatalog c = open()) {
      CompletableFuture<Void> before = c.put(volume("a"));
      CompletableFuture<Void> bad = c.put(volume("bad").withSize(0));
      CompletableFuture<Void> after = c.put(volume("b"));
      before.join();
      after.join();
      assertThrows(Exception.class, bad::join);
    }
    try (SqliteCatalog c = open()) {
      assertEquals(2, c.volumes().size());
    }
  }

  @Test
  void aClosedCatalogTakesNoChange() {
    SqliteCatalog c = open();
    c.close();
    assertThrows(Exception.class, () -> c.put(volume("a")).join());
  }

  @Test
  void aFileOfAnotherProgramIsRefused() throws SQLException {
    sql("CREATE TABLE t (x)");
    assertTrue(
        assertThrows(CatalogException.class, this::open).getMessage().contains("application_id"));
  }

  @Test
  void aFileThatIsNoDatabaseIsRefused() throws IOException {
    Files.writeString(dir.resolve("catalog.db"), "no database at all, but long enough".repeat(50));
    assertThrows(CatalogException.class, this::open);
  }

  @Test
  void aNewerVersionIsRefusedAndLeftAsItIs() throws SQLException {
    open().close();
    sql("PRAGMA user_version = 999");
    assertTrue(assertThrows(CatalogException.class, this::open).getMessage().contains("999"));
  }

  @Test
  void aRecordThatRottedIsNotBelieved() throws SQLException {
    try (SqliteCatalog c = open()) {
      c.put(volume("a")).join();
    }
    sql("UPDATE volume SET size = 7");
    assertTrue(assertThrows(CatalogException.class, this::open).getMessage().contains("checksum"));
    assertTrue(CatalogCheck.run(dir).get(0).contains("checksum"));
  }

  @Test
  void theCheckFindsNothingWhereAllIsWell() throws IOException {
    image("a", 1 << 20);
    try (SqliteCatalog c = open()) {
      c.put(volume("a")).join();
    }
    assertEquals(List.of(), CatalogCheck.run(dir));
  }

  @Test
  void theCheckFindsMissingAndShortFilesOrphansAndLostAliases() throws IOException {
    image("short", 1);
    image("orphan", 1);
    VolumeRecord alias =
        new VolumeRecord(
            "alias",
            1,
            4096,
            false,
            "local",
            Map.of(),
            List.of(new Backing("wherry:nobody", false)),
            List.of(),
            State.READY,
            1);
    try (SqliteCatalog c = open()) {
      c.put(volume("short")).join();
      c.put(volume("missing")).join();
      c.put(volume("half").withState(State.CREATING)).join();
      c.put(alias).join();
    }
    String findings = String.join("\n", CatalogCheck.run(dir));
    for (String part :
        List.of(
            "short.img has 1 bytes",
            "missing.img is missing",
            "volume half: its creation was cut off",
            "alias of nobody",
            "orphan.img belongs to no volume")) {
      assertTrue(findings.contains(part), part + " in " + findings);
    }
    assertEquals(5, findings.lines().count(), findings);
  }

  @Test
  void theCheckOfADirectoryWithoutCatalogSaysSo() {
    assertTrue(CatalogCheck.run(dir).get(0).contains("there is no catalog"));
  }

  @Test
  void anOpenCatalogNeedsNoSharedMemoryFile() {
    try (SqliteCatalog c = open()) {
      c.put(volume("a")).join();
      assertFalse(Files.exists(dir.resolve("catalog.db-shm")));
    }
  }

  @Test
  void theCheckFindsAnEmptyCatalogAndChangesNothing() throws IOException {
    Path file = Files.createFile(dir.resolve("catalog.db"));
    image("lost", 1);
    String findings = String.join("\n", CatalogCheck.run(dir));
    assertTrue(findings.contains("is empty"), findings);
    assertTrue(findings.contains("lost.img belongs to no volume"), findings);
    assertEquals(0, Files.size(file));
    try (var left = Files.list(dir)) {
      assertEquals(2, left.count());
    }
  }

  @Test
  void theCheckReadsWhatACrashLeftInTheLogAndLeavesItThere() throws IOException {
    Path crashed = Files.createDirectory(dir.resolve("crashed"));
    try (SqliteCatalog c = open()) {
      c.put(volume("a")).join();
      for (String name : List.of("catalog.db", "catalog.db-wal")) {
        Files.copy(dir.resolve(name), crashed.resolve(name));
      }
    }
    byte[] log = Files.readAllBytes(crashed.resolve("catalog.db-wal"));
    assertTrue(CatalogCheck.run(crashed).get(0).contains("a.img is missing"));
    assertArrayEquals(log, Files.readAllBytes(crashed.resolve("catalog.db-wal")));
  }

  @Test
  void theCheckTakesTheLockOnlyWhereThereIsOne() throws IOException {
    assertTrue(DataLock.takeIfThere(new DataDirectory(dir)).isEmpty());
    assertFalse(Files.exists(dir.resolve("lock")));
  }

  private void image(String suid, int size) throws IOException {
    Files.createDirectories(dir.resolve("volumes"));
    Files.write(dir.resolve("volumes/" + suid + ".img"), new byte[size]);
  }
}
