package dev.wherry.daemon.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.wherry.nbd.client.NbdClient;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Node a is fenced, since node b was forced to take over. Whole daemons, real links. */
final class TakingBackTest {
  private static final int DATA = 1 << 20;

  @TempDir Path dir;

  private final byte[] data = new byte[DATA];
  private Cluster nodes;

  @BeforeEach
  void fence() {
    nodes = Cluster.of(dir, "a", "b");
    nodes.create("a", "{'suid': 'v', 'size': " + 16 * DATA + "}");
    new Random(1).nextBytes(data);
    write("a", 0, data);
    nodes.done("a", "v", "share", "{'to': 'b', 'handover': 'manual', 'read': 'pull'}");
    nodes.stop("a");
    nodes.done("b", "v", "activate", "{'force': true}");
    write("b", 8 * DATA, data);
    nodes.start("a");
    nodes.becomes("a", "v", v -> v.path("state").asText().equals("failed"));
  }

  @AfterEach
  void stop() {
    nodes.close();
  }

  private void write(String node, long offset, byte[] bytes) {
    NbdClient host = nodes.host(node, "v");
    Cluster.write(host, offset, bytes);
    Cluster.join(host.flush());
    Cluster.join(host.close());
  }

  private void expectAsBefore() {
    NbdClient host = nodes.host("a", "v");
    assertArrayEquals(data, Cluster.read(host, 0, DATA));
    assertArrayEquals(new byte[DATA], Cluster.read(host, 8 * DATA, DATA));
    Cluster.join(host.close());
  }

  @Test
  void whatIsOnlyThereIsShownAlsoAfterARestart() {
    nodes.becomes("a", "v", v -> v.path("divergent").path("bytes").asLong() == DATA);
    nodes.stop("a");
    nodes.start("a");
    nodes.becomes("a", "v", v -> v.path("divergent").path("bytes").asLong() == DATA);
    JsonNode a = nodes.show("a", "v");
    assertEquals(DATA / a.path("blockSize").asInt(), a.path("divergent").path("blocks").asInt());
    assertTrue(a.path("reason").asText().contains("(1048576 bytes) may be nowhere else"), "" + a);
    assertTrue(nodes.show("b", "v").path("divergent").isNull());
    Rest.Answer map = nodes.rest("a").get("/api/v1/volumes/v/map");
    assertEquals(200, map.status(), map.text());
    assertEquals("here", map.json().path(0).path("state").asText(), map.text());
    String why = nodes.rest("a").delete("/api/v1/volumes/v").text();
    assertTrue(why.contains("may be nowhere else; --force discards"), why);
  }

  @Test
  void theOwnershipIsTakenBackFromASuccessorThatIsLost() {
    String why = nodes.refused(409, "a", "v", "activate", "{}");
    assertTrue(why.contains("--force --yes takes the ownership back"), why);
    why = nodes.refused(409, "a", "v", "activate", "{'force': true}");
    assertTrue(why.contains("node b owns volume v in epoch 65536 and can be reached"), why);
    nodes.stop("b");
    JsonNode a = nodes.done("a", "v", "activate", "{'force': true}");
    assertEquals("online", a.path("state").asText());
    assertEquals("owner", a.path("role").asText());
    assertEquals(131_072, a.path("epoch").asInt());
    assertTrue(a.path("reason").isNull() && a.path("divergent").isNull(), "" + a);
    expectAsBefore();
    nodes.stop("a");
    nodes.start("a");
    nodes.becomes("a", "v", v -> v.path("state").asText().equals("online"));
    nodes.start("b");
    nodes.becomes("b", "v", v -> v.path("state").asText().equals("failed"));
    assertTrue(nodes.show("b", "v").path("reason").asText().contains("node a was made the owner"));
    expectAsBefore();
    assertEquals(204, nodes.rest("b").delete("/api/v1/volumes/v?force=true").status());
    nodes.becomes("a", "v", v -> v.path("members").isEmpty());
    expectAsBefore();
  }
}
