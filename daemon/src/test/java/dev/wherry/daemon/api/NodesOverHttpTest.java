package dev.wherry.daemon.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.wherry.daemon.Daemon;
import dev.wherry.daemon.DaemonRule;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code /nodes} of one daemon whose peers are not there. */
final class NodesOverHttpTest {
  private static final String NODES = "/api/v1/nodes";

  /** Nobody listens there: ports below 1024 are not handed out. */
  private static final String NOBODY = "127.0.0.1:1";

  @TempDir Path dir;

  private Daemon daemon;
  private Rest rest;

  @BeforeEach
  void start() {
    daemon = DaemonRule.start(dir);
    rest = new Rest(daemon.apiAddress());
  }

  @AfterEach
  void stop() {
    assertTrue(daemon.stop());
  }

  private void restart() {
    stop();
    start();
  }

  private Rest.Answer add(String name, String link) {
    return rest.post(NODES, "{'name': '" + name + "', 'link': '" + link + "'}");
  }

  private JsonNode list() {
    return rest.get(NODES).json();
  }

  @Test
  void aNodeThatCannotBeReachedIsAddedAllTheSameAndSaysWhyItIsOffline() {
    Rest.Answer a = add("b", NOBODY);
    assertEquals(201, a.status(), a.text());
    restart();
    JsonNode all = list();
    assertEquals(2, all.size());
    assertEquals("here", all.path(0).path("name").asText());
    assertTrue(all.path(0).path("self").asBoolean());
    assertEquals("online", all.path(0).path("state").asText());
    JsonNode b = all.path(1);
    assertEquals("b", b.path("name").asText());
    assertEquals(NOBODY, b.path("link").asText());
    assertEquals("offline", b.path("state").asText());
    assertFalse(b.path("reason").asText().isEmpty());
  }

  @Test
  void aNodeThatIsAddedAgainGetsTheNewAddress() {
    add("b", NOBODY);
    assertEquals(201, add("b", NOBODY).status());
    assertEquals(201, add("b", "127.0.0.1:2").status());
    assertEquals(2, list().size());
    assertEquals("127.0.0.1:2", list().path(1).path("link").asText());
  }

  @Test
  void oneLinkIsOneNode() {
    add("b", NOBODY);
    assertEquals(409, add("c", NOBODY).status());
  }

  @Test
  void aNodeIsNotAddedToItself() {
    assertEquals(422, add("here", NOBODY).status());
    assertEquals(422, add("b", list().path(0).path("link").asText()).status());
  }

  @Test
  void aNodeThatIsRemovedIsGoneForGood() {
    add("b", NOBODY);
    assertEquals(204, rest.delete(NODES + "/b").status());
    assertEquals(404, rest.delete(NODES + "/b").status());
    restart();
    assertEquals(1, list().size());
    assertEquals(422, rest.delete(NODES + "/here").status());
  }

  @ParameterizedTest
  @CsvSource({
    "'', 127.0.0.1:1",
    "a b, 127.0.0.1:1",
    ".b, 127.0.0.1:1",
    "b/../c, 127.0.0.1:1",
    "b, ''",
    "b, host",
    "b, host:",
    "b, host:0",
    "b, host:65536",
    "b, ':1'",
    "b, '::1:1'",
    "b, 'ho st:1'",
    "b, '[::1:1'",
    "b, 'nbd://host:1'"
  })
  void aNameOrAnAddressThatIsNoneIsMalformed(String name, String link) {
    Rest.Answer a = add(name, link);
    assertEquals(400, a.status(), a.text());
    assertEquals(1, list().size());
  }
}
