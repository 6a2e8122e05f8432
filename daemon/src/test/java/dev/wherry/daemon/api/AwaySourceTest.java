package dev.wherry.daemon.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import dev.wherry.nbd.client.NbdClient;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The source of a volume that is written through is away. */
final class AwaySourceTest {
  @TempDir Path dir;

  @Test
  void hostsWaitForItWhereTheyAreToldTo() {
    try (Cluster nodes = new Cluster(dir)) {
      nodes.start("a");
      // Much longer than it takes to notice that the source is away.
      nodes.start("b", "--io-timeout", "45s");
      nodes.add("a", "b");
      nodes.add("b", "a");
      nodes.connected();
      nodes.create("a", "{'suid': 'v', 'size': 1048576}");
      nodes.refused(409, "a", "v", "set", "{'away': 'stall'}");
      nodes.done("a", "v", "share", "{'to': 'b', 'write': 'through', 'handover': 'manual'}");
      nodes.done("b", "v", "activate", "{}");
      assertEquals("degrade", nodes.show("b", "v").path("away").asText());
      nodes.refused(422, "b", "v", "set", "{'away': 'x'}");
      assertEquals("stall", nodes.done("b", "v", "set", "{'away': 'stall'}").path("away").asText());
      nodes.becomes("b", "v", v -> mode(v).equals("through"));
      NbdClient host = nodes.host("b", "v");
      nodes.stop("a");
      ByteBuf change = Unpooled.wrappedBuffer(new byte[4096]);
      CompletableFuture<Void> written = host.write(0, change, 0);
      nodes.becomes("b", "v", v -> mode(v).equals("degraded"));
      assertFalse(written.isDone());
      nodes.start("a");
      Cluster.join(written);
      change.release();
      Cluster.join(host.close());
      nodes.stop("b");
      nodes.start("b");
      assertEquals("stall", nodes.show("b", "v").path("away").asText());
      nodes.becomes("b", "v", v -> mode(v).equals("through"));
      nodes.stop("b"); // While the source is there, that it waits for.
    }
  }

  private static String mode(JsonNode volume) {
    return volume.path("lag").path("mode").asText();
  }
}
