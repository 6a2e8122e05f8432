package dev.wherry.daemon.api;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.wherry.nbd.client.NbdClient;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** More than two nodes, nodes that are not what they seem, and one that is taken over by force. */
final class ThreeNodesTest {
  private static final int SIZE = 1 << 20;

  @TempDir Path dir;

  private Cluster nodes;

  @AfterEach
  void stop() {
    nodes.close();
  }

  private byte[] volume(String node) {
    nodes.create(node, "{'suid': 'v', 'size': " + SIZE + "}");
    byte[] data = new byte[SIZE];
    new Random(1).nextBytes(data);
    NbdClient host = nodes.host(node, "v");
    Cluster.write(host, 0, data);
    Cluster.join(host.close());
    return data;
  }

  private void reads(String node, byte[] data) {
    NbdClient host = nodes.host(node, "v");
    assertArrayEquals(data, Cluster.read(host, 0, data.length));
    Cluster.join(host.close());
  }

  @Test
  void theOwnershipGoesDownAChainAndTheOneInTheMiddleIsReleased() {
    nodes = Cluster.of(dir, "a", "b", "c");
    byte[] data = volume("a");
    nodes.done("a", "v", "share", "{'to': 'b', 'read': 'pull'}");
    nodes.done("b", "v", "activate", "{}");
    nodes.done("b", "v", "share", "{'to': 'c', 'read': 'pull'}");
    assertEquals(2, nodes.show("c", "v").path("epoch").asInt());
    nodes.done("c", "v", "activate", "{}");
    assertEquals(3, nodes.show("c", "v").path("epoch").asInt());
    for (String n : new String[] {"a", "b", "c"}) {
      reads(n, data);
      nodes.becomes(n, "v", v -> v.path("owner").asText().equals("c"));
    }
    nodes.done("b", "v", "release", "{}");
    reads("c", data);
    nodes.becomes("b", "v", v -> v.path("connections").asInt() == 0);
    assertEquals(204, nodes.rest("b").delete("/api/v1/volumes/v").status());
    reads("a", data);
    nodes.becomes(
        "c",
        "v",
        v -> {
          for (JsonNode m : v.path("members")) {
            if (m.asText().equals("b")) {
              return false;
            }
          }
          return true;
        });
  }

  @Test
  void anOwnerThatWasTakenOverByForceIsFencedWhenItComesBack() {
    nodes = Cluster.of(dir, "a", "b");
    volume("a");
    nodes.done("a", "v", "share", "{'to': 'b', 'handover': 'manual'}");
    nodes.stop("a");
    nodes.misses("b", "a");
    nodes.refused(409, "b", "v", "activate", "{}");
    JsonNode b = nodes.done("b", "v", "activate", "{'force': true}");
    assertEquals("owner", b.path("role").asText());
    assertEquals(65536, b.path("epoch").asInt());
    nodes.start("a");
    nodes.becomes("a", "v", v -> v.path("state").asText().equals("failed"));
    assertTrue(nodes.show("a", "v").path("reason").asText().contains("b"));
    nodes.refused(409, "a", "v", "reopen", "{}");
    assertEquals(409, nodes.rest("a").delete("/api/v1/volumes/v").status());
    assertEquals(204, nodes.rest("a").delete("/api/v1/volumes/v?force=true").status());
  }

  @Test
  void aVolumeWhoseSourceIsGoneIsDeletedAtOnceAndNothingIsLeft() {
    nodes = Cluster.of(dir, "a", "b");
    nodes.stop("b");
    // Longer than a deletion may take.
    nodes.start("b", "--io-timeout", "120s");
    nodes.connected();
    volume("a");
    nodes.done("a", "v", "share", "{'to': 'b', 'handover': 'manual', 'read': 'redirect'}");
    NbdClient host = nodes.host("b", "v");
    nodes.stop("a");
    nodes.misses("b", "a");
    nodes.done("b", "v", "activate", "{'force': true}");
    nodes.done("b", "v", "set", "{'read': 'move'}");
    java.util.concurrent.CompletableFuture<io.netty.buffer.ByteBuf> read = host.read(0, 4096);
    Rest.Answer deleted = nodes.rest("b").delete("/api/v1/volumes/v?force=true");
    assertEquals(204, deleted.status(), deleted.text());
    assertEquals(404, nodes.rest("b").get("/api/v1/volumes/v").status());
    assertFalse(java.nio.file.Files.exists(nodes.data("b").resolve("volumes/v.img")));
    assertEquals(204, nodes.rest("b").delete("/api/v1/nodes/a").status());
    Cluster.join(host.close().exceptionally(failure -> null));
    assertTrue(read.handle((data, failure) -> failure != null).join());
  }

  @Test
  void twoNodesOfOneNameAreToldApart() {
    nodes = new Cluster(dir);
    nodes.start("a");
    nodes.start("b");
    nodes.add("a", "b");
    nodes.add("b", "a");
    await().atMost(Cluster.LIMIT).until(() -> state("a").equals("online"));
    nodes.stop("b");
    String link = nodes.link("b");
    dev.wherry.daemon.Daemon other =
        dev.wherry.daemon.DaemonRule.startNode("b", link, dir.resolve("other"));
    try {
      new Rest(other.apiAddress())
          .post("/api/v1/nodes", "{'name': 'a', 'link': '" + nodes.link("a") + "'}");
      await().atMost(Cluster.LIMIT).until(() -> state("a").equals("refused"));
      String reason = nodes.rest("a").get("/api/v1/nodes").json().path(1).path("reason").asText();
      assertTrue(reason.contains("b"), reason);
    } finally {
      assertTrue(other.stop());
    }
  }

  @Test
  void aLinkThatWorksIsNotReplacedByOneWhereAnotherNodeAnswers() {
    nodes = Cluster.of(dir, "a", "b", "c");
    String link = nodes.link("b");
    dev.wherry.daemon.Daemon other =
        dev.wherry.daemon.DaemonRule.startNode("b", "127.0.0.1:0", dir.resolve("other"));
    try {
      String elsewhere = other.readyLine().replaceAll(".* link=", "");
      for (int i = 0; i < 2; i++) {
        Rest.Answer a = add("b", elsewhere);
        assertEquals(409, a.status(), a.text());
        assertTrue(a.text().contains(elsewhere), a.text());
        assertEquals("online", state("a"));
        assertEquals(
            link, nodes.rest("a").get("/api/v1/nodes").json().path(1).path("link").asText());
        // Now it lets this node in, and is told apart by its identity.
        new Rest(other.apiAddress())
            .post("/api/v1/nodes", "{'name': 'a', 'link': '" + nodes.link("a") + "'}");
      }
      nodes.stop("b");
      await().atMost(Cluster.LIMIT).until(() -> !state("a").equals("online"));
      assertEquals(409, add("b", elsewhere).status());
    } finally {
      assertTrue(other.stop());
    }
    assertEquals(201, add("b", "127.0.0.1:1").status());
    nodes.start("d");
    Rest.Answer named = add("b", nodes.link("d"));
    assertEquals(409, named.status(), named.text());
    assertTrue(named.text().contains("node d"), named.text());
    nodes.start("b");
    assertEquals(201, add("b", link).status());
    await().atMost(Cluster.LIMIT).until(() -> state("a").equals("online"));
  }

  private Rest.Answer add(String name, String link) {
    return nodes
        .rest("a")
        .post("/api/v1/nodes", "{'name': '" + name + "', 'link': '" + link + "'}");
  }

  private String state(String at) {
    return nodes.rest(at).get("/api/v1/nodes").json().path(1).path("state").asText();
  }
}
