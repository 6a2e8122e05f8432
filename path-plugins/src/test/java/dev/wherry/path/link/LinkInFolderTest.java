package dev.wherry.path.link;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.EventLoopGroup;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Nodes of one machine whose links nobody else can reach. */
class LinkInFolderTest {
  @TempDir Path folder;

  private static InetSocketAddress at(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  private LinkHub hub(EventLoopGroup group, String name) {
    LinkIdentity identity = new LinkIdentity(name, UUID.randomUUID());
    LinkService further = (from, r, p) -> TestNode.done(LinkReply.ok(r.epoch() + 1));
    return new LinkHub(
        LinkOptions.of(group, identity, null, null), further, (node, uuid) -> {}, folder);
  }

  @ParameterizedTest
  @EnumSource
  void twoNodesReachEachOtherByTheSocketsOfAFolderAndByNoPort(Loops loops) {
    EventLoopGroup group = loops.create(1);
    LinkHub a = hub(group, "a");
    LinkHub b = hub(group, "b");
    try {
      assertEquals(at(1), TestNode.join(a.listen(at(1))));
      assertEquals(at(2), TestNode.join(b.listen(at(2))));
      assertTrue(Files.exists(folder.resolve("1.sock")));
      assertTrue(Files.exists(folder.resolve("2.sock")));
      a.add("b", at(2), null);
      b.add("a", at(1), null);
      await().until(() -> a.to("b").orElseThrow().isUp() && b.to("a").orElseThrow().isUp());
      LinkReply reply =
          TestNode.join(
              a.to("b")
                  .orElseThrow()
                  .call(
                      LinkRequest.of(Op.SYNC, "v", 7, 0, 0),
                      Priority.DEMAND,
                      Duration.ofSeconds(60)));
      assertEquals(8, reply.epoch());
      assertTrue(reply.isOk());
      reply.payload().release();
    } finally {
      TestNode.join(CompletableFuture.allOf(a.close(), b.close()));
      Loops.close(group);
    }
  }
}
