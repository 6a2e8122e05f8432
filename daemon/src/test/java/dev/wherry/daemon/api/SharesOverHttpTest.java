package dev.wherry.daemon.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.wherry.daemon.catalog.CatalogCheck;
import dev.wherry.nbd.client.NbdClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A volume of two nodes: shared, moved, given back, released. Whole daemons, real links. */
final class SharesOverHttpTest {
  private static final int SIZE = 4 << 20;

  @TempDir Path dir;

  private Cluster nodes;

  @BeforeEach
  void start() {
    nodes = Cluster.of(dir, "a", "b");
  }

  @AfterEach
  void stop() {
    nodes.close();
  }

  private static byte[] random(int length, long seed) {
    byte[] data = new byte[length];
    new Random(seed).nextBytes(data);
    return data;
  }

  private void volume() {
    nodes.create("a", "{'suid': 'v', 'size': " + SIZE + "}");
  }

  private void isWhole(JsonNode v) {
    assertEquals(
        v.path("blocks").path("total").asLong(), v.path("blocks").path("here").asLong(), "" + v);
  }

  @Test
  void aSharedVolumeIsSeenOnBothNodes() {
    volume();
    JsonNode a =
        nodes.done(
            "a",
            "v",
            "share",
            "{'to': 'b', 'read': 'pull', 'write': 'local', 'handover': 'manual',"
                + " 'ranges': ['1M+64K=redirect', '0+4096=fail']}");
    assertTrue(a.path("shared").asBoolean());
    assertEquals("owner", a.path("role").asText());
    assertEquals("a", a.path("owner").asText());
    assertEquals("b", a.path("members").path(0).asText());
    assertEquals("local", a.path("handler").asText());
    isWhole(a);
    JsonNode b = nodes.show("b", "v");
    assertTrue(b.path("shared").asBoolean());
    assertEquals("standby", b.path("role").asText());
    assertEquals("a", b.path("owner").asText());
    assertEquals(1, b.path("epoch").asInt());
    assertEquals("pull", b.path("handler").asText());
    assertEquals("pull", b.path("readPolicy").asText());
    assertEquals("local", b.path("writePolicy").asText());
    assertEquals("0+4096=fail", b.path("ranges").path(0).asText());
    assertEquals("1048576+65536=redirect", b.path("ranges").path(1).asText());
    assertTrue(b.path("manual").asBoolean());
    assertEquals(SIZE, b.path("size").asInt());
    assertEquals(0, b.path("blocks").path("here").asInt());
    assertEquals("online", b.path("state").asText());
    assertTrue(Files.exists(nodes.data("b").resolve("volumes/v.img")));
  }

  @Test
  void whatIsWrittenOnOneNodeIsReadOnTheOther() {
    volume();
    NbdClient a = nodes.host("a", "v");
    byte[] before = random(100_000, 1);
    Cluster.write(a, 5_000, before);
    nodes.done("a", "v", "share", "{'to': 'b', 'handover': 'manual'}");
    NbdClient b = nodes.host("b", "v");
    assertArrayEquals(before, Cluster.read(b, 5_000, before.length));
    byte[] there = random(10_000, 2);
    Cluster.write(b, 50_001, there);
    assertArrayEquals(there, Cluster.read(a, 50_001, there.length));
    assertEquals("standby", nodes.show("b", "v").path("role").asText());
    Cluster.join(a.close());
    Cluster.join(b.close());
  }

  @Test
  void aVolumeMovesWithItsOwnershipAndIsPlainInTheEnd() {
    volume();
    NbdClient a = nodes.host("a", "v");
    byte[] data = random(SIZE / 2, 1);
    Cluster.write(a, 0, data);
    Cluster.join(a.flush());
    nodes.done("a", "v", "share", "{'to': 'b', 'handover': 'manual'}");
    JsonNode b = nodes.done("b", "v", "activate", "{}");
    assertEquals("owner", b.path("role").asText());
    assertEquals("b", b.path("owner").asText());
    assertEquals(2, b.path("epoch").asInt());
    assertTrue(b.path("handover").path("stallMillis").isNumber(), "" + b);
    nodes.becomes("a", "v", v -> v.path("role").asText().equals("former"));
    assertEquals("b", nodes.show("a", "v").path("owner").asText());
    Cluster.write(a, 1, new byte[] {42});
    data[1] = 42;
    assertArrayEquals(data, Cluster.read(a, 0, data.length));
    nodes.becomes(
        "b",
        "v",
        v -> v.path("blocks").path("here").asLong() == v.path("blocks").path("total").asLong());
    nodes.done("a", "v", "release", "{}");
    assertFalse(Files.exists(nodes.data("a").resolve("volumes/v.img")));
    assertTrue(nodes.show("a", "v").path("backing").isNull());
    assertEquals("local", nodes.show("b", "v").path("handler").asText());
    assertArrayEquals(data, Cluster.read(a, 0, data.length));
    Cluster.join(a.close());
    nodes.becomes("a", "v", v -> v.path("connections").asInt() == 0);
    assertEquals(204, nodes.rest("a").delete("/api/v1/volumes/v").status());
    nodes.becomes("b", "v", v -> !v.path("shared").asBoolean());
    NbdClient host = nodes.host("b", "v");
    assertArrayEquals(data, Cluster.read(host, 0, data.length));
    nodes.stop("a");
    assertArrayEquals(data, Cluster.read(host, 0, data.length));
    Cluster.join(host.close());
    nodes.stop("b");
    for (String n : List.of("a", "b")) {
      assertEquals(List.of(), CatalogCheck.run(nodes.data(n)));
    }
    nodes.start("b");
    host = nodes.host("b", "v");
    assertArrayEquals(data, Cluster.read(host, 0, data.length));
    Cluster.join(host.close());
    assertEquals(2, nodes.show("b", "v").path("epoch").asInt());
  }

  @Test
  void theFirstWriteAtAStandbyTakesTheOwnership() {
    volume();
    nodes.done("a", "v", "share", "{'to': 'b'}");
    NbdClient b = nodes.host("b", "v");
    Cluster.write(b, 0, random(4096, 3));
    nodes.becomes("b", "v", v -> v.path("role").asText().equals("owner"));
    assertArrayEquals(random(4096, 3), Cluster.read(b, 0, 4096));
    Cluster.join(b.close());
  }

  @Test
  void theOwnershipGoesBackWithAllChanges() {
    volume();
    NbdClient a = nodes.host("a", "v");
    byte[] data = random(SIZE, 1);
    Cluster.write(a, 0, data);
    nodes.done("a", "v", "share", "{'to': 'b'}");
    nodes.done("b", "v", "activate", "{}");
    NbdClient b = nodes.host("b", "v");
    byte[] change = random(70_000, 2);
    Cluster.write(b, 100_000, change);
    System.arraycopy(change, 0, data, 100_000, change.length);
    assertTrue(nodes.refused(409, "a", "v", "return", "{'to': 'b'}").contains("node b"));
    JsonNode after = nodes.done("b", "v", "return", "{'to': 'a'}");
    assertEquals("former", after.path("role").asText());
    assertEquals("a", nodes.show("a", "v").path("owner").asText());
    assertEquals(3, nodes.show("a", "v").path("epoch").asInt());
    assertArrayEquals(data, Cluster.read(a, 0, data.length));
    nodes.becomes("a", "v", v -> v.path("blocks").path("here").asInt() == SIZE / 4096);
    nodes.done("b", "v", "release", "{}");
    Cluster.join(b.close());
    nodes.becomes("b", "v", v -> v.path("connections").asInt() == 0);
    assertEquals(204, nodes.rest("b").delete("/api/v1/volumes/v").status());
    nodes.becomes("a", "v", v -> !v.path("shared").asBoolean());
    assertEquals("local", nodes.show("a", "v").path("handler").asText());
    assertArrayEquals(data, Cluster.read(a, 0, data.length));
    Cluster.join(a.close());
  }

  @Test
  void aNodeThatReleasedIsSharedWithAgainUnderItsHosts() {
    volume();
    NbdClient a = nodes.host("a", "v");
    byte[] data = random(SIZE, 1);
    Cluster.write(a, 0, data);
    nodes.done("a", "v", "share", "{'to': 'b', 'handover': 'manual'}");
    nodes.done("b", "v", "activate", "{}");
    nodes.refused(409, "b", "v", "share", "{'to': 'a'}");
    nodes.becomes("b", "v", v -> v.path("blocks").path("here").asInt() == SIZE / 4096);
    nodes.done("a", "v", "release", "{}");
    String why = nodes.refused(409, "b", "v", "return", "{'to': 'a'}");
    assertTrue(why.contains("since it was released; share it with a again"), why);
    why = nodes.refused(409, "a", "v", "activate", "{}");
    assertTrue(why.contains("since it was released; share it with a again"), why);
    nodes.done("b", "v", "share", "{'to': 'a', 'handover': 'manual', 'read': 'pull'}");
    nodes.refused(409, "b", "v", "share", "{'to': 'a'}");
    JsonNode again = nodes.show("a", "v");
    assertEquals("standby", again.path("role").asText());
    assertEquals("pull", again.path("readPolicy").asText());
    assertTrue(again.path("connections").asInt() > 0, "" + again);
    assertTrue(Files.exists(nodes.data("a").resolve("volumes/v.img")));
    assertArrayEquals(data, Cluster.read(a, 0, data.length));
    Cluster.write(a, 7, new byte[] {42});
    data[7] = 42;
    nodes.stop("b");
    nodes.start("b");
    nodes.connected();
    assertArrayEquals(data, Cluster.read(a, 0, data.length));
    nodes.done("b", "v", "return", "{'to': 'a'}");
    assertEquals("owner", nodes.show("a", "v").path("role").asText());
    assertArrayEquals(data, Cluster.read(a, 0, data.length));
    Cluster.join(a.close());
    nodes.stop("a");
    nodes.stop("b");
    for (String n : List.of("a", "b")) {
      assertEquals(List.of(), CatalogCheck.run(nodes.data(n)));
      nodes.start(n);
    }
    a = nodes.host("a", "v");
    assertArrayEquals(data, Cluster.read(a, 0, data.length));
    Cluster.join(a.close());
  }

  @Test
  void sharesOutliveARestartOfBothNodes() {
    volume();
    NbdClient a = nodes.host("a", "v");
    byte[] data = random(200_000, 1);
    Cluster.write(a, 0, data);
    Cluster.join(a.close());
    nodes.done("a", "v", "share", "{'to': 'b', 'read': 'pull'}");
    nodes.stop("b");
    nodes.stop("a");
    nodes.start("a");
    nodes.start("b");
    NbdClient b = nodes.host("b", "v");
    assertArrayEquals(data, Cluster.read(b, 0, data.length));
    assertEquals("standby", nodes.show("b", "v").path("role").asText());
    nodes.done("b", "v", "activate", "{}");
    assertArrayEquals(data, Cluster.read(b, 0, data.length));
    Cluster.write(b, 0, new byte[5]);
    nodes.stop("a");
    nodes.start("a");
    System.arraycopy(new byte[5], 0, data, 0, 5);
    assertArrayEquals(data, Cluster.read(b, 0, data.length));
    Cluster.join(b.close());
  }

  @Test
  void aStandbyIsTakenBackUnlessHostsAreAttachedThere() {
    volume();
    nodes.done("a", "v", "share", "{'to': 'b'}");
    NbdClient b = nodes.host("b", "v");
    String attached = nodes.refused(409, "a", "v", "unshare", "{'from': 'b'}");
    assertTrue(attached.contains("connections at node b: detach them first"), attached);
    assertEquals(409, nodes.rest("b").delete("/api/v1/volumes/v").status());
    Cluster.join(b.close());
    nodes.becomes("b", "v", v -> v.path("connections").asInt() == 0);
    assertEquals(409, nodes.rest("b").delete("/api/v1/volumes/v").status());
    assertEquals(409, nodes.rest("a").delete("/api/v1/volumes/v").status());
    assertEquals(409, nodes.rest("a").delete("/api/v1/nodes/b").status());
    nodes.refused(409, "b", "v", "unshare", "{'from': 'a'}");
    nodes.done("a", "v", "unshare", "{'from': 'b'}");
    assertEquals(404, nodes.rest("b").get("/api/v1/volumes/v").status());
    assertFalse(Files.exists(nodes.data("b").resolve("volumes/v.img")));
    nodes.refused(409, "a", "v", "unshare", "{'from': 'b'}");
    nodes.refused(404, "a", "v", "unshare", "{'from': 'nobody'}");
    nodes.becomes("a", "v", v -> !v.path("shared").asBoolean());
    nodes.done("a", "v", "share", "{'to': 'b'}");
    nodes.done("a", "v", "unshare", "{'from': 'b'}");
    assertEquals(204, nodes.rest("a").delete("/api/v1/nodes/b").status());
  }

  @Test
  void whatCannotBeSharedIsRefusedAndNothingIsChanged() {
    volume();
    nodes.create("b", "{'suid': 'w', 'size': 4096}");
    nodes.create("a", "{'suid': 'w', 'size': 4096}");
    nodes.create("a", "{'suid': 'coarse', 'size': 33554432, 'blockSize': 2097152}");
    nodes.refused(404, "a", "nothing", "share", "{'to': 'b'}");
    nodes.refused(404, "a", "v", "share", "{'to': 'nobody'}");
    nodes.refused(422, "a", "v", "share", "{'to': 'a'}");
    nodes.refused(400, "a", "v", "share", "{}");
    nodes.refused(400, "a", "v", "share", "{'to': 'b', 'extra': 1}");
    nodes.refused(409, "a", "w", "share", "{'to': 'b'}");
    nodes.refused(422, "a", "coarse", "share", "{'to': 'b'}");
    nodes.refused(422, "a", "v", "share", "{'to': 'b', 'read': 'never'}");
    nodes.refused(422, "a", "v", "share", "{'to': 'b', 'write': 'never'}");
    nodes.refused(422, "a", "v", "share", "{'to': 'b', 'handover': 'never'}");
    nodes.refused(400, "a", "v", "share", "{'to': 'b', 'store': 'relative'}");
    nodes.refused(422, "a", "v", "share", "{'to': 'b', 'store': '/no/such/directory/x'}");
    nodes.refused(400, "a", "v", "share", "{'to': 'b', 'ranges': ['x']}");
    nodes.refused(422, "a", "v", "share", "{'to': 'b', 'ranges': ['0+4K=x']}");
    nodes.refused(422, "a", "v", "share", "{'to': 'b', 'ranges': ['1+4K=pull']}");
    nodes.refused(422, "a", "v", "share", "{'to': 'b', 'ranges': ['0+0=pull']}");
    nodes.refused(422, "a", "v", "share", "{'to': 'b', 'ranges': ['0+5M=pull']}");
    nodes.refused(422, "a", "v", "share", "{'to': 'b', 'ranges': ['0+8K=pull', '4K+4K=fail']}");
    for (String action : List.of("activate", "return", "release")) {
      nodes.refused(404, "a", "nothing", action, action.equals("return") ? "{'to': 'b'}" : "{}");
    }
    nodes.refused(409, "a", "v", "release", "{}");
    nodes.refused(409, "a", "v", "return", "{'to': 'b'}");
    JsonNode v = nodes.show("a", "v");
    assertFalse(v.path("shared").asBoolean());
    assertTrue(v.path("readPolicy").isNull());
    assertEquals("local", v.path("handler").asText());
    assertEquals(1, nodes.rest("b").get("/api/v1/volumes").json().size());
    nodes.done("a", "v", "share", "{'to': 'b'}");
    nodes.refused(409, "a", "v", "share", "{'to': 'b'}");
    nodes.refused(409, "b", "v", "share", "{'to': 'a'}");
    nodes.refused(409, "b", "v", "release", "{}");
    nodes.refused(409, "a", "v", "resize", "{'size': 8388608}");
  }

  @Test
  void aFileThatIsThereUnderTheNameOfAStoreIsLeftAlone() throws Exception {
    volume();
    Path orphan = nodes.data("b").resolve("volumes/v.img");
    Files.write(orphan, new byte[] {1, 2, 3});
    String why = nodes.refused(409, "a", "v", "share", "{'to': 'b'}");
    assertTrue(why.contains("is there already"), why);
    assertArrayEquals(new byte[] {1, 2, 3}, Files.readAllBytes(orphan));
    assertFalse(nodes.show("a", "v").path("shared").asBoolean());
  }

  @Test
  void whatIsWrongWithABodyIsSaidInWordsForWhoSentIt() {
    volume();
    String why = nodes.refused(400, "a", "v", "release", "{'to': 'b'}");
    assertTrue(why.endsWith("field 'to' is unknown; there are none here"), why);
    why = nodes.refused(400, "a", "v", "share", "{'to': 'b'");
    assertTrue(why.contains("line: 1"), why);
    assertFalse(why.contains("Source"), why);
  }

  @ParameterizedTest
  @ValueSource(strings = {"through", "back"})
  void whatIsWrittenReachesTheSourceUnderThePoliciesThatSaySo(String policy) throws Exception {
    volume();
    NbdClient a = nodes.host("a", "v");
    byte[] data = random(SIZE, 1);
    Cluster.write(a, 0, data);
    Cluster.join(a.flush());
    Cluster.join(a.close());
    nodes.done(
        "a",
        "v",
        "share",
        "{'to': 'b', 'read': 'redirect', 'write': '" + policy + "', 'handover': 'manual'}");
    nodes.done("b", "v", "activate", "{}");
    NbdClient b = nodes.host("b", "v");
    byte[] change = random(10_000, 2);
    Cluster.write(b, 100_000, change);
    Cluster.join(b.flush());
    System.arraycopy(change, 0, data, 100_000, change.length);
    Path store = nodes.data("a").resolve("volumes/v.img");
    org.awaitility.Awaitility.await()
        .atMost(Cluster.LIMIT)
        .until(() -> java.util.Arrays.equals(data, Files.readAllBytes(store)));
    nodes.becomes("b", "v", v -> v.path("lag").path("bytes").asInt() == 0);
    Cluster.join(b.close());
  }

  /** Each of the two fits, and both do not: what the first may come to take is booked. */
  @Test
  void whatDoesNotFitBesideWhatIsBookedIsRefusedAndNothingIsChanged() throws Exception {
    long free = Files.getFileStore(dir).getUsableSpace() / 10 * 6 / 4096 * 4096;
    for (String v : List.of("first", "second")) {
      nodes.create("a", "{'suid': '" + v + "', 'size': " + free + ", 'backing': ['zero:1000T']}");
    }
    String terms = "{'to': 'b', 'read': 'pull', 'handover': 'manual'}";
    nodes.done("a", "first", "share", terms);
    String why = nodes.refused(507, "a", "second", "share", terms);
    assertTrue(why.contains("are booked for other volumes"), why);
    assertFalse(nodes.show("a", "second").path("shared").asBoolean());
    assertEquals(404, nodes.rest("b").get("/api/v1/volumes/second").status());
    assertEquals(1, filesIn(nodes.data("b").resolve("volumes")));
    nodes.done("a", "first", "unshare", "{'from': 'b'}");
    nodes.done("a", "second", "share", terms);
    nodes.done("a", "second", "unshare", "{'from': 'b'}");
  }

  @Test
  void aNodeThatIsAwayGetsNoPart() {
    volume();
    nodes.stop("b");
    assertTrue(nodes.refused(409, "a", "v", "share", "{'to': 'b'}").contains("b"));
    assertFalse(nodes.show("a", "v").path("shared").asBoolean());
    nodes.start("b");
  }

  @Test
  void aNodeWithoutAStoreForwardsAndNeverOwns() {
    volume();
    nodes.done("a", "v", "share", "{'to': 'b', 'store': 'none'}");
    NbdClient b = nodes.host("b", "v");
    Cluster.write(b, 1000, random(5000, 1));
    assertArrayEquals(random(5000, 1), Cluster.read(b, 1000, 5000));
    JsonNode v = nodes.show("b", "v");
    assertTrue(v.path("backing").isNull());
    assertEquals("standby", v.path("role").asText());
    assertEquals("redirect", v.path("readPolicy").asText());
    assertEquals("through", v.path("writePolicy").asText());
    nodes.refused(409, "b", "v", "activate", "{}");
    Cluster.join(b.close());
    nodes.stop("b");
    assertEquals(0, filesIn(nodes.data("b").resolve("volumes")));
    nodes.start("b");
    b = nodes.host("b", "v");
    assertArrayEquals(random(5000, 1), Cluster.read(b, 1000, 5000));
    Cluster.join(b.close());
  }

  private static int filesIn(Path d) {
    return java.util.Objects.requireNonNull(d.toFile().list()).length;
  }

  @Test
  void aStoreThatWasGivenIsNeitherOverwrittenNorRemoved() throws Exception {
    volume();
    Path store = dir.resolve("store");
    Files.write(store, random(SIZE + 4096, 9));
    String full = nodes.refused(409, "a", "v", "share", "{'to': 'b', 'store': '" + store + "'}");
    assertTrue(full.contains("holds data"), full);
    assertArrayEquals(random(SIZE + 4096, 9), Files.readAllBytes(store));
    Files.write(store, new byte[SIZE + 4096]);
    nodes.done("a", "v", "share", "{'to': 'b', 'store': '" + store + "', 'handover': 'manual'}");
    assertEquals(store.toString(), nodes.show("b", "v").path("backing").asText());
    nodes.done("b", "v", "activate", "{}");
    NbdClient b = nodes.host("b", "v");
    assertArrayEquals(new byte[SIZE], Cluster.read(b, 0, SIZE));
    Cluster.join(b.close());
    nodes.done("b", "v", "return", "{'to': 'a'}");
    nodes.done("b", "v", "release", "{}");
    assertTrue(Files.exists(store));
    assertEquals(204, nodes.rest("b").delete("/api/v1/volumes/v").status());
    nodes.becomes("a", "v", v -> !v.path("shared").asBoolean());
    Path fresh = dir.resolve("fresh");
    nodes.done("a", "v", "share", "{'to': 'b', 'store': '" + fresh + "'}");
    nodes.done("a", "v", "unshare", "{'from': 'b'}");
    assertTrue(Files.exists(fresh));
  }

  @Test
  void policiesAndThePaceOfAMoveAreChangedDurably() {
    volume();
    nodes.refused(409, "a", "v", "set", "{'read': 'pull'}");
    nodes.done("a", "v", "share", "{'to': 'b', 'handover': 'manual'}");
    nodes.done("b", "v", "set", "{'read': 'pull', 'bandwidth': '100M', 'minimum': '1M'}");
    nodes.done("b", "v", "set", "{'handover': 'auto', 'write': 'back', 'ranges': '0+4K=move'}");
    nodes.refused(422, "b", "v", "set", "{'read': 'x'}");
    nodes.refused(422, "b", "v", "set", "{'bandwidth': 'x'}");
    nodes.refused(422, "b", "v", "set", "{'bandwidth': '0'}");
    nodes.refused(422, "b", "v", "set", "{'bandwidth': '1K', 'minimum': '1M'}");
    nodes.refused(422, "b", "v", "set", "{'colour': 'red'}");
    nodes.stop("b");
    nodes.start("b");
    nodes.becomes("b", "v", v -> v.path("state").asText().equals("online"));
    JsonNode b = nodes.show("b", "v");
    assertEquals("pull", b.path("readPolicy").asText());
    assertEquals("back", b.path("writePolicy").asText());
    assertFalse(b.path("manual").asBoolean());
    assertEquals("0+4096=move", b.path("ranges").path(0).asText());
    nodes.done("b", "v", "set", "{'read': 'move', 'ranges': ''}");
    nodes.becomes("b", "v", v -> v.path("move").path("bandwidth").asLong() == 100 << 20);
  }
}
