package dev.wherry.daemon.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.daemon.catalog.SqliteCatalog;
import dev.wherry.daemon.process.DataDirectory;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How a volume becomes one node's alone again, whatever the other node was to it. */
final class DissolvedShareTest {
  @TempDir Path dir;

  private Cluster nodes;

  @BeforeEach
  void start() {
    nodes = Cluster.of(dir, "a", "b");
    nodes.create("a", "{'suid': 'v', 'size': 1048576}");
    nodes.done("a", "v", "share", "{'to': 'b', 'handover': 'manual'}");
  }

  @AfterEach
  void stop() {
    nodes.close();
  }

  @Test
  void aVolumeThatIsSharedNoMoreIsPlainAtOnce() {
    nodes.refused(409, "a", "v", "resize", "{'size': 2097152}");
    nodes.done("a", "v", "unshare", "{'from': 'b'}");
    assertEquals(2 << 20, nodes.done("a", "v", "resize", "{'size': 2097152}").path("size").asInt());
  }

  @Test
  void aVolumeWhoseLastOtherPartWasDeletedIsPlainAtOnce() {
    nodes.done("b", "v", "activate", "{}");
    nodes.becomes("b", "v", v -> v.path("move").path("state").asText().equals("done"));
    nodes.done("a", "v", "release", "{}");
    assertEquals(204, nodes.rest("a").delete("/api/v1/volumes/v").status());
    assertEquals(2 << 20, nodes.done("b", "v", "resize", "{'size': 2097152}").path("size").asInt());
  }

  @Test
  void theOwnerTakesBackThePartOfAFormerOwnerThatWasReleased() {
    nodes.done("b", "v", "activate", "{}");
    String why = nodes.refused(409, "b", "v", "unshare", "{'from': 'a'}");
    assertTrue(why.contains("release it there first"), why);
    nodes.becomes("b", "v", v -> v.path("move").path("state").asText().equals("done"));
    nodes.done("a", "v", "release", "{}");
    nodes.done("b", "v", "unshare", "{'from': 'a'}");
    assertEquals(404, nodes.rest("a").get("/api/v1/volumes/v").status());
    nodes.becomes("b", "v", v -> !v.path("shared").asBoolean() && v.path("ranges").isNull());
    assertEquals(204, nodes.rest("b").delete("/api/v1/volumes/v").status());
  }

  /** It had no part any more, and had not heard of that: the owner died on its way to tell. */
  @Test
  void twoVolumesThatWereOneAreShownAsSuch() {
    nodes.stop("a");
    nodes.misses("b", "a");
    DataDirectory data = new DataDirectory(nodes.data("a"));
    try (SqliteCatalog c = SqliteCatalog.open(data, "a", Clock.systemUTC())) {
      c.put("v", c.shares().get(0).state().withMembers(List.of())).join();
    }
    nodes.done("b", "v", "activate", "{'force': true}");
    nodes.start("a");
    for (String[] pair : new String[][] {{"a", "b"}, {"b", "a"}}) {
      String told = "node " + pair[1] + " has a volume of this name for itself";
      nodes.becomes(pair[0], "v", v -> v.path("reason").asText().contains(told));
      assertEquals("online", nodes.show(pair[0], "v").path("state").asText());
    }
  }

  @Test
  void aFencedNodeThatDiscardsItsCopyHasNoPartAnyMore() {
    nodes.stop("a");
    nodes.misses("b", "a");
    nodes.done("b", "v", "activate", "{'force': true}");
    nodes.start("a");
    nodes.connected();
    nodes.becomes("a", "v", v -> v.path("state").asText().equals("failed"));
    nodes.becomes("b", "v", v -> v.path("move").path("state").asText().equals("done"));
    assertEquals(409, nodes.rest("a").delete("/api/v1/volumes/v").status());
    assertEquals(204, nodes.rest("a").delete("/api/v1/volumes/v?force=true").status());
    nodes.becomes("b", "v", v -> v.path("members").isEmpty());
  }
}
