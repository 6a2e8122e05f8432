package dev.wherry.daemon.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.daemon.catalog.ShareRecord.Options;
import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.catalog.VolumeRecord.State;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.path.shared.RangePolicy;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.Run;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.Successor;
import dev.wherry.path.shared.WritePolicy;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Nodes and shares, and files of versions 1 to 4. */
final class SharesInCatalogTest {
  @TempDir Path dir;

  private SqliteCatalog open() {
    return open("n");
  }

  private SqliteCatalog open(String node) {
    DataDirectory data = new DataDirectory(dir);
    data.create();
    return SqliteCatalog.open(data, node, Clock.systemUTC());
  }

  private VolumeRecord volume(String suid) {
    return new VolumeRecord(
        suid,
        1 << 20,
        4096,
        false,
        "local",
        Map.of(),
        List.of(new Backing(dir.resolve("volumes/" + suid + ".img").toString(), true)),
        List.of(),
        State.READY,
        42);
  }

  private static ShareState standby() {
    return new ShareState(
        Role.STANDBY,
        "a",
        3,
        List.of("c", "b"),
        "pull",
        WritePolicy.THROUGH,
        List.of(new RangePolicy(8192, 4096, "fail"), new RangePolicy(0, 4096, "redirect")),
        true,
        true,
        true,
        "node:a",
        "nbd://host/x",
        7,
        "node b took it",
        4,
        "the boot",
        new ShareState.Pledge("c", true),
        List.of(new Run(3, 5), new Run(1L << 40, (1L << 40) + 1)),
        new Successor("b", 65_536, Successor.Source.CHANGED));
  }

  private void sql(String... texts) throws SQLException {
    try (Connection c = DriverManager.getConnection("jdbc:sqlite:" + dir.resolve("catalog.db"));
        Statement s = c.createStatement()) {
      for (String text : texts) {
        s.executeUpdate(text);
      }
    }
  }

  /** The statements of the program that knew no later version. */
  private static String[] version(int number) throws IOException {
    String name = "version-" + number + ".sql";
    try (InputStream in = SharesInCatalogTest.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip().split(";", 0);
    }
  }

  /** A catalog of an older program, with a volume. */
  private VolumeRecord older(int version) throws IOException, SQLException {
    VolumeRecord old = volume("old");
    sql(version(version));
    sql(
        "INSERT INTO volume VALUES (1, 'old', 1048576, 4096, 0, 'local', 'READY', 42, "
            + old.checksum()
            + ")",
        "INSERT INTO volume_backing VALUES (1, 0, '" + old.backing().get(0).spec() + "', 1)");
    return old;
  }

  private void image(String suid) throws IOException {
    Files.write(dir.resolve("volumes/" + suid + ".img"), new byte[1 << 20]);
  }

  private static void addPeers(SqliteCatalog c, String... names) {
    for (String name : names) {
      c.put(new PeerRecord(name, "127.0.0.1:1", null, 1)).join();
    }
  }

  @Test
  void aStateComesBackAsItWasPut() {
    ShareRecord share = new ShareRecord("v", standby(), new Options(123, 456, 789, true));
    try (SqliteCatalog c = open()) {
      c.put(volume("v"), share).join();
    }
    try (SqliteCatalog c = open()) {
      assertEquals(List.of(share), c.shares());
      assertEquals(List.of(volume("v")), c.volumes());
    }
  }

  @Test
  void aNewStateLeavesTheOptionsAndTheVolumeAlone() {
    Options options = new Options(1, 2, 3, false);
    ShareState next = standby().withMembers(List.of()).owned("n", 4, 5, "another boot", false);
    try (SqliteCatalog c = open()) {
      c.put(volume("v"), new ShareRecord("v", standby(), options)).join();
      c.put("v", next).join();
      c.put(volume("v").withSize(5)).join();
    }
    try (SqliteCatalog c = open()) {
      assertEquals(List.of(new ShareRecord("v", next, options)), c.shares());
      assertEquals(5, c.volumes().get(0).size());
    }
  }

  @Test
  void aVolumeThatIsGoneTakesItsShareAlong() {
    try (SqliteCatalog c = open()) {
      c.put(volume("v"), new ShareRecord("v", standby(), Options.DEFAULT)).join();
      c.remove("v").join();
      assertThrows(CompletionException.class, () -> c.put("v", standby()).join());
    }
    try (SqliteCatalog c = open()) {
      assertEquals(List.of(), c.shares());
    }
  }

  @Test
  void nodesComeBackAsTheyWerePut() {
    PeerRecord b = new PeerRecord("b", "10.0.0.2:8010", null, 5);
    PeerRecord c = new PeerRecord("c", "[::1]:8010", "some-uuid", 6);
    try (SqliteCatalog catalog = open()) {
      catalog.put(c).join();
      catalog.put(b.withLink("other:1")).join();
      catalog.put(b).join();
      catalog.put(new PeerRecord("gone", "x:1", null, 1)).join();
      catalog.removePeer("gone").join();
    }
    try (SqliteCatalog catalog = open()) {
      assertEquals(List.of(b, c), catalog.peers());
    }
  }

  @Test
  void aShareOrANodeThatRottedIsNotBelieved() throws SQLException {
    try (SqliteCatalog c = open()) {
      addPeers(c, "a", "b", "c");
      c.put(volume("v"), new ShareRecord("v", standby(), Options.DEFAULT)).join();
    }
    for (String change :
        List.of(
            "UPDATE share SET epoch = 9",
            "UPDATE share SET successor_epoch = 9",
            "UPDATE share_option SET booked = 9",
            "UPDATE peer SET link = 'x:1' WHERE name = 'a'")) {
      sql("CREATE TABLE IF NOT EXISTS undo (x)", change);
      assertTrue(
          assertThrows(CatalogException.class, this::open).getMessage().contains("checksum"),
          change);
      assertTrue(String.join("\n", CatalogCheck.run(dir)).contains("checksum"), change);
      sql(
          "UPDATE share SET epoch = 3",
          "UPDATE share SET successor_epoch = 65536",
          "UPDATE share_option SET booked = 0",
          "UPDATE peer SET link = '127.0.0.1:1'");
    }
    open().close();
  }

  @Test
  void aNodeThatHasSharesKeepsItsName() {
    open("n").close();
    try (SqliteCatalog c = open("m")) {
      c.put(volume("v"), new ShareRecord("v", standby(), Options.DEFAULT)).join();
    }
    assertTrue(
        assertThrows(CatalogException.class, () -> open("other")).getMessage().contains("node m"));
    open("m").close();
  }

  @Test
  void theCheckFindsNothingInAShareThatIsWhole() throws IOException {
    try (SqliteCatalog c = open()) {
      addPeers(c, "a", "b", "c");
      c.put(volume("v"), new ShareRecord("v", standby(), Options.DEFAULT)).join();
    }
    image("v");
    Files.write(dir.resolve("maps/v.7.map"), new byte[1]);
    assertEquals(List.of(), CatalogCheck.run(dir));
  }

  @Test
  void theCheckFindsLostMapsStrayMapsUnknownNodesAndRolesThatDoNotFit() throws IOException {
    try (SqliteCatalog c = open()) {
      addPeers(c, "a", "b");
      c.put(volume("v"), new ShareRecord("v", standby(), Options.DEFAULT)).join();
      c.put(
              volume("w"),
              new ShareRecord("w", ShareState.alone("a").withStore(false), Options.DEFAULT))
          .join();
    }
    image("v");
    image("w");
    Files.write(dir.resolve("maps/v.6.map"), new byte[1]);
    String findings = String.join("\n", CatalogCheck.run(dir));
    for (String part :
        List.of(
            "v.7.map is missing",
            "v.6.map belongs to no volume",
            "volume v: it needs node c, which is unknown",
            "volume w: its role is owner, but its owner is node a",
            "volume w: its store was given up and is there still")) {
      assertTrue(findings.contains(part), part + " in " + findings);
    }
    assertEquals(5, findings.lines().count(), findings);
  }

  @Test
  void aFileOfVersionOneOpensAndIsUpgraded() throws Exception {
    VolumeRecord old = older(1);
    assertTrue(CatalogCheck.run(dir).get(0).contains("version is 1"));
    ShareRecord share = new ShareRecord("old", ShareState.alone("n"), Options.DEFAULT);
    try (SqliteCatalog c = open()) {
      assertEquals("the-uuid", c.identity().uuid());
      assertEquals(List.of(old), c.volumes());
      assertEquals(List.of(), c.shares());
      assertEquals(List.of(), c.peers());
      c.put("old", share.state()).join();
    }
    try (SqliteCatalog c = open()) {
      assertEquals(List.of(share), c.shares());
    }
    image("old");
    assertEquals(List.of(), CatalogCheck.run(dir));
  }

  @Test
  void aShareOfVersionThreeOpensAndHasPromisedNothing() throws Exception {
    older(2);
    sql(
        "ALTER TABLE share ADD COLUMN losses INTEGER NOT NULL DEFAULT 0 CHECK (losses >= 0)",
        "ALTER TABLE share ADD COLUMN boot TEXT",
        "INSERT INTO migration VALUES (3, 'owners count what they may have lost', 1)",
        "UPDATE share SET losses = 2, boot = 'boot 1', checksum = 920433195",
        "PRAGMA user_version = 3");
    ShareState state =
        ShareState.alone("n")
            .withMembers(List.of("b"))
            .withPolicies("pull", WritePolicy.BACK, List.of(), true)
            .started("boot 1")
            .withLosses(2);
    try (SqliteCatalog c = open()) {
      assertEquals(List.of(new ShareRecord("old", state, Options.DEFAULT)), c.shares());
    }
  }

  @Test
  void aShareOfVersionFourOpensAndNamesNoSuccessor() throws Exception {
    ShareState state =
        ShareState.alone("n").withMembers(List.of("b")).started("boot 1").withLosses(2);
    ShareRecord share = new ShareRecord("v", state, Options.DEFAULT);
    try (SqliteCatalog c = open()) {
      c.put(volume("v"), share).join();
    }
    sql(
        "ALTER TABLE share DROP COLUMN successor",
        "ALTER TABLE share DROP COLUMN successor_epoch",
        "ALTER TABLE share DROP COLUMN successor_source",
        "ALTER TABLE share_option DROP COLUMN stall",
        "DELETE FROM migration WHERE version > 4",
        "PRAGMA user_version = 4");
    try (SqliteCatalog c = open()) {
      assertEquals(List.of(share), c.shares());
    }
  }

  @Test
  void hostsOfAShareOfVersionFiveGoOnWithoutTheirSource() throws Exception {
    ShareRecord share = new ShareRecord("v", standby(), Options.DEFAULT);
    try (SqliteCatalog c = open()) {
      c.put(volume("v"), share).join();
    }
    sql(
        "ALTER TABLE share_option DROP COLUMN stall",
        "DELETE FROM migration WHERE version = 6",
        "PRAGMA user_version = 5");
    try (SqliteCatalog c = open()) {
      assertEquals(List.of(share), c.shares());
      c.put("v", Options.DEFAULT.withStall(true)).join();
    }
    sql("UPDATE share_option SET stall = 0");
    assertTrue(String.join("\n", CatalogCheck.run(dir)).contains("checksum"));
  }

  /** As when they were constants of the program, whose rows and checksums stay what they are. */
  @Test
  void readPoliciesStandInRowsInCapitals() throws Exception {
    ShareRecord share = new ShareRecord("v", standby(), Options.DEFAULT);
    try (SqliteCatalog c = open()) {
      c.put(volume("v"), share).join();
    }
    assertEquals("PULL", text("SELECT read_policy FROM share"));
    assertEquals("FAIL,REDIRECT", text("SELECT group_concat(policy) FROM share_range"));
    sql("UPDATE share SET read_policy = 'MOVE'");
    assertTrue(String.join("\n", CatalogCheck.run(dir)).contains("checksum"));
  }

  private String text(String query) throws SQLException {
    try (Connection c = DriverManager.getConnection("jdbc:sqlite:" + dir.resolve("catalog.db"));
        Statement s = c.createStatement();
        ResultSet r = s.executeQuery(query)) {
      return r.getString(1);
    }
  }

  @Test
  void aShareOfVersionTwoOpensAndHasLostNothing() throws Exception {
    older(2);
    assertTrue(CatalogCheck.run(dir).get(0).contains("version is 2"));
    ShareState state =
        ShareState.alone("n")
            .withMembers(List.of("b"))
            .withPolicies("pull", WritePolicy.BACK, List.of(), true);
    try (SqliteCatalog c = open()) {
      assertEquals(List.of(new ShareRecord("old", state, Options.DEFAULT)), c.shares());
      addPeers(c, "b");
      c.put("old", state.started("boot 1")).join();
    }
    image("old");
    assertEquals(List.of(), CatalogCheck.run(dir));
    for (String damage :
        List.of("losses = 1", "losses = 0, pledge = 'b'", "pledge = NULL, outdated = '1-2'")) {
      sql("UPDATE share SET " + damage);
      assertTrue(String.join("\n", CatalogCheck.run(dir)).contains("checksum"), damage);
    }
  }
}
