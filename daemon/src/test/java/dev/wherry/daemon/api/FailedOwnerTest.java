package dev.wherry.daemon.api;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.client.NbdClient;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node is there, but cannot open what it owns. */
final class FailedOwnerTest {
  @TempDir Path dir;

  @Test
  void whoWantsTheOwnershipIsToldWhyItCannotBeHandedOver() throws Exception {
    try (Cluster nodes = Cluster.of(dir, "a", "b")) {
      nodes.create("a", "{'suid': 'v', 'size': 1048576}");
      nodes.done("a", "v", "share", "{'to': 'b', 'handover': 'manual'}");
      nodes.done("b", "v", "activate", "{}");
      nodes.stop("b");
      Path store = nodes.data("b").resolve("volumes/v.img");
      Path aside = dir.resolve("aside");
      Files.move(store, aside);
      nodes.start("b");
      nodes.becomes("b", "v", v -> v.path("state").asText().equals("failed"));
      await()
          .atMost(Cluster.LIMIT)
          .until(
              () ->
                  nodes.rest("a").get("/api/v1/nodes").json().findValuesAsText("state").stream()
                      .allMatch("online"::equals));
      String why = nodes.refused(409, "a", "v", "activate", "{}");
      assertTrue(why.startsWith("node b: volume v is failed: " + store), why);
      assertEquals("former", nodes.show("a", "v").path("role").asText());
      nodes.stop("b");
      Files.move(aside, store);
      nodes.start("b");
      NbdClient host = nodes.host("a", "v");
      assertArrayEquals(new byte[4096], Cluster.read(host, 0, 4096));
      Cluster.join(host.close());
      nodes.done("a", "v", "activate", "{}");
    }
  }

  @Test
  void anOwnerWhoseStoreWasAwayServesAgainByItselfAndSaysOnceThatSomethingMayBeLost() {
    try (Cluster nodes = new Cluster(dir)) {
      onANodeOfItsOwn(nodes);
      nodes.done("a", "v", "share", "{'to': 'b', 'handover': 'manual'}");
      NbdClient host = nodes.host("b", "v");
      Cluster.write(host, 0, new byte[] {1});
      Cluster.join(host.flush());
      Cluster.write(host, 1, new byte[] {2});
      NbdClient own = nodes.host("a", "v");
      Cluster.write(own, 2, new byte[] {2});
      Cluster.join(own.close());
      nodes.stop("disks");
      assertTrue(isFlushRefused(host));
      Cluster.join(host.close());
      nodes.becomes("a", "v", v -> v.path("state").asText().equals("failed"));
      nodes.start("disks");
      nodes.becomes("a", "v", v -> v.path("state").asText().equals("online"));
      NbdClient next = nodes.host("b", "v");
      assertTrue(isFlushRefused(next), "the second write may be lost");
      Cluster.join(next.close());
      NbdClient back = nodes.host("a", "v");
      assertTrue(isFlushRefused(back), "so may that of a host of the owner's own");
      Cluster.join(back.close());
      NbdClient last = nodes.host("b", "v");
      Cluster.write(last, 1, new byte[] {3});
      Cluster.join(last.flush());
      assertArrayEquals(new byte[] {1, 3}, Cluster.read(last, 0, 2));
      Cluster.join(last.close());
    }
  }

  @Test
  void whatAHostWroteBeforeTheVolumeWasSharedIsTakenForLostToo() {
    try (Cluster nodes = new Cluster(dir)) {
      onANodeOfItsOwn(nodes);
      NbdClient own = nodes.host("a", "v");
      Cluster.write(own, 0, new byte[] {1});
      Cluster.join(own.close());
      nodes.done("a", "v", "share", "{'to': 'b', 'handover': 'manual'}");
      NbdClient host = nodes.host("b", "v");
      nodes.stop("disks");
      assertTrue(isFlushRefused(host));
      Cluster.join(host.close());
      nodes.becomes("a", "v", v -> v.path("state").asText().equals("failed"));
      nodes.start("disks");
      nodes.becomes("a", "v", v -> v.path("state").asText().equals("online"));
      NbdClient back = nodes.host("a", "v");
      assertTrue(isFlushRefused(back));
      Cluster.join(back.close());
      NbdClient next = nodes.host("a", "v");
      Cluster.join(next.flush());
      Cluster.join(next.close());
    }
  }

  /** Volume v of node a, which b knows, lies on node disks. */
  private static void onANodeOfItsOwn(Cluster nodes) {
    // Less patient with its store than others are with it.
    nodes.start("a", "--io-timeout", "3s");
    nodes.start("b");
    nodes.add("a", "b");
    nodes.add("b", "a");
    nodes.connected();
    nodes.start("disks");
    nodes.create("disks", "{'suid': 'disk', 'size': 1048576}");
    Path socket = nodes.data("disks").resolve("nbd.sock");
    nodes.create("a", "{'suid': 'v', 'backing': ['nbd+unix:///disk?socket=" + socket + "']}");
  }

  private static boolean isFlushRefused(NbdClient host) {
    return Cluster.join(host.flush().handle((v, failure) -> failure != null));
  }
}
