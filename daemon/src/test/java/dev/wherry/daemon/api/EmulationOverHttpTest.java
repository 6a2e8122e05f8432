package dev.wherry.daemon.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.wherry.nbd.client.NbdClient;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Volumes over a plain NBD server: here, another daemon's export. */
final class EmulationOverHttpTest {
  private static final int SIZE = 2 << 20;

  @TempDir Path dir;

  private Cluster nodes;
  private byte[] data;
  private String uri;

  @BeforeEach
  void start() {
    nodes = new Cluster(dir);
    nodes.start("origin");
    nodes.start("here");
    nodes.create("origin", "{'suid': 'o', 'size': " + SIZE + "}");
    data = new byte[SIZE];
    new Random(1).nextBytes(data);
    java.util.Arrays.fill(data, SIZE / 2, SIZE, (byte) 0);
    NbdClient host = nodes.host("origin", "o");
    Cluster.write(host, 0, java.util.Arrays.copyOf(data, SIZE / 2));
    Cluster.join(host.close());
    uri = nodes.show("origin", "o").path("nbd").path("uri").asText();
  }

  @AfterEach
  void stop() {
    nodes.close();
  }

  private Set<String> states() {
    Set<String> states = new HashSet<>();
    nodes
        .rest("here")
        .get("/api/v1/volumes/e/map")
        .json()
        .forEach(r -> states.add(r.path("state").asText()));
    return states;
  }

  @Test
  void aVolumeOverAnNbdServerReadsAsItDoesAndKeepsWhatItPulled() {
    nodes.create("here", "{'suid': 'e', 'source': '" + uri + "', 'read': 'pull'}");
    JsonNode v = nodes.show("here", "e");
    assertFalse(v.path("shared").asBoolean());
    assertEquals("owner", v.path("role").asText());
    assertEquals(1, v.path("epoch").asInt());
    assertEquals("pull", v.path("handler").asText());
    assertEquals("pull", v.path("readPolicy").asText());
    assertEquals("local", v.path("writePolicy").asText());
    assertEquals(uri, v.path("source").asText());
    assertEquals(SIZE, v.path("size").asInt());
    assertEquals(0, v.path("blocks").path("here").asInt());
    assertEquals(Set.of("not-here"), states());
    NbdClient host = nodes.host("here", "e");
    assertArrayEquals(
        java.util.Arrays.copyOfRange(data, 8192, 12288), Cluster.read(host, 8192, 4096));
    Cluster.write(host, 100, new byte[] {1, 2, 3});
    System.arraycopy(new byte[] {1, 2, 3}, 0, data, 100, 3);
    Cluster.join(host.flush());
    // What was read is kept behind.
    Awaitility.await().until(() -> states().containsAll(Set.of("here", "newer", "not-here")));
    Cluster.join(host.close());
    nodes.stop("here");
    nodes.start("here");
    host = nodes.host("here", "e");
    assertArrayEquals(data, Cluster.read(host, 0, SIZE));
    Cluster.join(host.close());
  }

  @Test
  void aVolumeThatWasMovedAndReleasedIsPlainAndNeedsItsSourceNoMore() {
    nodes.create("here", "{'suid': 'e', 'source': '" + uri + "'}");
    nodes.becomes("here", "e", v -> v.path("blocks").path("here").asInt() == SIZE / 4096);
    nodes.done("here", "e", "release", "{}");
    nodes.becomes("here", "e", v -> v.path("source").isNull());
    nodes.becomes(
        "here", "e", v -> v.path("handler").asText().equals("local") && v.path("move").isNull());
    nodes.stop("origin");
    NbdClient host = nodes.host("here", "e");
    assertArrayEquals(data, Cluster.read(host, 0, SIZE));
    Cluster.join(host.close());
    nodes.stop("here");
    nodes.start("here");
    host = nodes.host("here", "e");
    assertArrayEquals(data, Cluster.read(host, 0, SIZE));
    Cluster.join(host.close());
    assertTrue(nodes.show("here", "e").path("readPolicy").isNull());
  }

  @Test
  void aReleaseIsRefusedWhileAnythingIsOnlyAtTheSource() {
    nodes.create("here", "{'suid': 'e', 'source': '" + uri + "', 'read': 'redirect'}");
    nodes.refused(409, "here", "e", "release", "{}");
    assertEquals(uri, nodes.show("here", "e").path("source").asText());
    assertEquals(204, nodes.rest("here").delete("/api/v1/volumes/e").status());
  }

  @ParameterizedTest
  @ValueSource(strings = {"through", "back"})
  void whatIsWrittenReachesTheServerUnderThePoliciesThatSaySo(String policy) {
    nodes.create(
        "here",
        "{'suid': 'e', 'source': '" + uri + "', 'read': 'redirect', 'write': '" + policy + "'}");
    NbdClient host = nodes.host("here", "e");
    byte[] change = new byte[10_000];
    new Random(2).nextBytes(change);
    Cluster.write(host, 100_000, change);
    Cluster.join(host.flush());
    System.arraycopy(change, 0, data, 100_000, change.length);
    NbdClient origin = nodes.host("origin", "o");
    Awaitility.await()
        .atMost(Cluster.LIMIT)
        .until(() -> Arrays.equals(data, Cluster.read(origin, 0, SIZE)));
    Cluster.join(origin.close());
    Cluster.join(host.close());
  }

  @Test
  void aSourceThatIsAwayKeepsNoVolumeFromBeingDeleted() {
    nodes.stop("here");
    // Longer than a deletion may take.
    nodes.start("here", "--io-timeout", "120s");
    nodes.create("here", "{'suid': 'e', 'source': '" + uri + "', 'read': 'move'}");
    nodes.stop("origin");
    Rest.Answer deleted = nodes.rest("here").delete("/api/v1/volumes/e?force=true");
    assertEquals(204, deleted.status(), deleted.text());
  }

  private String refused(int status, String body) {
    Rest.Answer a = nodes.rest("here").post("/api/v1/volumes", body);
    assertEquals(status, a.status(), a.text());
    assertEquals(0, nodes.rest("here").get("/api/v1/volumes").json().size());
    return a.json().path("detail").asText();
  }

  @Test
  void whatIsNoSourceIsRefusedAndNothingIsLeft() {
    refused(400, "{'suid': 'e', 'source': 'http://x/'}");
    refused(422, "{'suid': 'e', 'source': '" + uri + "no'}");
    String away = refused(422, "{'suid': 'e', 'source': 'nbd://127.0.0.1:1/x'}");
    assertFalse(away.contains("backing"), away);
    refused(422, "{'suid': 'e', 'source': '" + uri + "', 'size': " + (SIZE + 1) + "}");
    refused(422, "{'suid': 'e', 'source': '" + uri + "', 'read': 'x'}");
    refused(422, "{'suid': 'e', 'source': '" + uri + "', 'blockSize': 512}");
    refused(422, "{'suid': 'e', 'source': '" + uri + "', 'backing': '/tmp/x'}");
    refused(422, "{'suid': 'e', 'size': 4096, 'read': 'pull'}");
    nodes.create("here", "{'suid': 'e', 'source': '" + uri + "', 'size': 5000}");
    assertEquals(5000, nodes.show("here", "e").path("size").asInt());
  }
}
