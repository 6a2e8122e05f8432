package dev.wherry.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.wherry.daemon.api.Cluster;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code wherry node} and {@code wherry volume share} and on, against two daemons. */
final class ShareCommandsTest {
  @TempDir Path dir;

  private String out = "";
  private String err = "";

  private int run(String api, String... args) {
    StringWriter o = new StringWriter();
    StringWriter e = new StringWriter();
    int code =
        Main.run(
            args, Map.of("WHERRY_API", api), new PrintWriter(o, true), new PrintWriter(e, true));
    out = o.toString();
    err = e.toString();
    return code;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "volume share v",
        "volume share --to b",
        "volume unshare v",
        "volume return v",
        "volume activate",
        "volume activate v --force",
        "volume release",
        "volume release v w",
        "node add b",
        "node add --link h:1",
        "node remove"
      })
  void whatIsMissingIsAQuestionOfUsage(String line) {
    assertEquals(2, run("http://127.0.0.1:1", line.split(" ")), line);
    assertTrue(err.startsWith("wherry: "), err);
  }

  @Test
  void aVolumeGoesThereAndBack() throws IOException {
    try (Cluster nodes = Cluster.of(dir, "a", "b")) {
      String a = nodes.api("a");
      String b = nodes.api("b");
      assertEquals(0, run(a, "node", "list"));
      assertTrue(out.contains("online"), out);
      assertEquals(0, run(a, "node", "add", "ghost", "--link", "127.0.0.1:1"), err);
      assertEquals(0, run(a, "node", "remove", "ghost"), err);
      assertEquals(1, run(a, "node", "remove", "ghost"));
      assertEquals(1, run(a, "node", "add", "a b", "--link", "127.0.0.1:1"));
      assertEquals(0, run(a, "volume", "create", "v", "--size", "1M"), err);
      assertEquals(
          0,
          run(
              a,
              "volume",
              "share",
              "v",
              "--to",
              "b",
              "--read",
              "pull",
              "--write",
              "local",
              "--range",
              "0+4K=move",
              "--range",
              "64K+64K=redirect",
              "--handover",
              "manual",
              "--store",
              dir.resolve("store").toString()),
          err);
      assertEquals(1, run(a, "volume", "share", "v", "--to", "b"));
      assertTrue(err.startsWith("wherry: ") && err.lines().count() == 1, err);
      assertEquals(0, run(b, "volume", "activate", "v"), err);
      assertTrue(out.contains("node b"), out);
      assertEquals(0, run(b, "volume", "activate", "v"), err);
      assertEquals(0, run(b, "volume", "set", "v", "bandwidth=100M", "read=move"), err);
      assertEquals(0, run(b, "--json", "volume", "return", "v", "--to", "a"), err);
      JsonNode v = new JsonMapper().readTree(out);
      assertEquals("former", v.path("role").asText());
      assertEquals(0, run(b, "volume", "release", "v"), err);
      assertEquals(0, run(b, "volume", "delete", "v"), err);
      assertEquals(1, run(a, "volume", "unshare", "v", "--from", "b"));
      assertEquals(0, run(a, "volume", "share", "v", "--to", "b", "--store", "none"), err);
      assertEquals(0, run(a, "volume", "unshare", "v", "--from", "b"), err);
      assertEquals(0, run(a, "volume", "show", "v"), err);
      assertTrue(out.lines().anyMatch(l -> l.matches("divergent +-")), out);
      assertEquals(1, run(a, "volume", "show", "none"));
    }
  }
}
