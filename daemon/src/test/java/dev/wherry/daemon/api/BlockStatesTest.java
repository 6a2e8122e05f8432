package dev.wherry.daemon.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.client.NbdClient;
import dev.wherry.nbd.client.NbdClientOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a node tells of its blocks, over NBD as {@code wherry:state} and over REST as the map. */
final class BlockStatesTest {
  private static final int BLOCK = 4096;
  private static final int SIZE = 1 << 20;
  private static final int NOT_HERE = 1;
  private static final int NEWER = 2;
  private static final int ZERO = 4;

  @TempDir Path dir;

  private static NbdClientOptions states() {
    NbdClientOptions o = NbdClientOptions.DEFAULTS;
    return new NbdClientOptions(
        1,
        o.ioTimeout(),
        o.connectTimeout(),
        o.minBackoff(),
        o.maxBackoff(),
        o.replayLimit(),
        o.readOnly(),
        o.tlsDir(),
        List.of("wherry:state"),
        o.extendedHeaders(),
        o.structuredReplies());
  }

  private static List<String> map(Cluster nodes, String node) {
    List<String> all = new ArrayList<>();
    for (JsonNode e : nodes.rest(node).get("/api/v1/volumes/v/map").json()) {
      all.add(
          e.path("offset").asLong() / BLOCK
              + "+"
              + e.path("length").asLong() / BLOCK
              + " "
              + e.path("state").asText());
    }
    return all;
  }

  @Test
  void eachNodeTellsWhatItHasItself() {
    try (Cluster nodes = Cluster.of(dir, "a", "b")) {
      nodes.create("a", "{'suid': 'v', 'size': " + SIZE + "}");
      NbdClient first = nodes.host("a", "v");
      byte[] data = new byte[SIZE];
      new Random(1).nextBytes(data);
      Cluster.write(first, 0, data);
      Cluster.join(first.close());
      nodes.done("a", "v", "share", "{'to': 'b', 'read': 'pull', 'handover': 'manual'}");
      nodes.done("b", "v", "activate", "{}");
      NbdClient b = nodes.host("b", "v", states());
      assertEquals(
          List.of(new Extent(SIZE, NOT_HERE)), Cluster.join(b.status("wherry:state", 0, SIZE, 9)));
      Cluster.read(b, 0, BLOCK);
      Cluster.write(b, BLOCK + 5, new byte[] {1}); // a part: the rest of the block is fetched
      Cluster.join(b.trim(2 * BLOCK, 3 * BLOCK, 0));
      assertEquals(
          List.of(
              new Extent(BLOCK, 0),
              new Extent(BLOCK, NEWER),
              new Extent(3 * BLOCK, NEWER | ZERO),
              new Extent(SIZE - 5 * BLOCK, NOT_HERE)),
          Cluster.join(b.status("wherry:state", 0, SIZE, 9)));
      assertEquals(List.of("0+1 here", "1+1 newer", "2+3 zero", "5+251 not-here"), map(nodes, "b"));
      NbdClient a = nodes.host("a", "v", states());
      assertEquals(
          List.of(new Extent(SIZE, 0)), Cluster.join(a.status("wherry:state", 0, SIZE, 9)));
      Cluster.join(a.close());
      Cluster.join(b.close());
    }
  }

  /** The handler is replaced under them. */
  @Test
  void hostsAreToldAlsoWhereTheVolumeIsPlain() {
    try (Cluster nodes = Cluster.of(dir, "a", "b")) {
      nodes.create("a", "{'suid': 'v', 'size': " + SIZE + "}");
      List<Extent> allHere = List.of(new Extent(SIZE, 0));
      NbdClient host = nodes.host("a", "v", states());
      assertEquals(allHere, Cluster.join(host.status("wherry:state", 0, SIZE, 9)));
      nodes.done("a", "v", "share", "{'to': 'b', 'read': 'pull', 'handover': 'manual'}");
      NbdClient other = nodes.host("a", "v", states());
      nodes.done("b", "v", "activate", "{}");
      nodes.done("b", "v", "return", "{'to': 'a'}");
      nodes.done("b", "v", "release", "{}");
      assertEquals(204, nodes.rest("b").delete("/api/v1/volumes/v").status());
      nodes.becomes("a", "v", v -> !v.path("shared").asBoolean());
      assertEquals("local", nodes.show("a", "v").path("handler").asText());
      for (NbdClient h : List.of(host, other)) {
        assertEquals(allHere, Cluster.join(h.status("wherry:state", 0, SIZE, 9)));
        Cluster.join(h.close());
      }
    }
  }
}
