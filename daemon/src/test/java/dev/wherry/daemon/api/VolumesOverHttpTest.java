package dev.wherry.daemon.api;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.wherry.daemon.Daemon;
import dev.wherry.daemon.DaemonRule;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** REST against a whole daemon, over real HTTP. */
final class VolumesOverHttpTest {
  private static final String VOLUMES = "/api/v1/volumes";

  @TempDir Path dir;

  private Path data;
  private Daemon daemon;
  private Rest rest;

  @BeforeEach
  void start() {
    data = dir.resolve("data");
    restart();
  }

  private void restart() {
    daemon = DaemonRule.start(data);
    rest = new Rest(daemon.apiAddress());
  }

  @AfterEach
  void stop() {
    assertTrue(daemon.stop());
  }

  private JsonNode create(String body) {
    Rest.Answer a = rest.post(VOLUMES, body);
    assertEquals(201, a.status(), a.text());
    return a.json();
  }

  private String refused(int status, Rest.Answer a) {
    assertEquals(status, a.status(), a.text());
    assertEquals("application/problem+json", a.type());
    JsonNode p = a.json();
    assertEquals(status, p.path("status").asInt());
    assertTrue(p.path("type").isTextual() && p.path("title").isTextual(), a.text());
    return p.path("detail").asText();
  }

  private Path file(String name, long size) throws IOException {
    Path f = dir.resolve(name);
    try (RandomAccessFile r = new RandomAccessFile(f.toFile(), "rw")) {
      r.setLength(size);
    }
    return f;
  }

  @Test
  void theDaemonsOwnFilesAreNobodysBackingByAnyName() throws IOException {
    Path link = Files.createLink(dir.resolve("innocent"), data.resolve("lock"));
    for (String own :
        List.of(link.toString(), data + "/lock", "file:" + data + "/lock", data + "/catalog.db")) {
      String why = refused(409, rest.post(VOLUMES, "{'suid': 'a', 'backing': ['" + own + "']}"));
      assertTrue(why.contains("wherryd itself"), why);
    }
  }

  @Test
  void aSettingThatTheHandlerDoesNotTakeIsNamed() {
    String why =
        refused(422, rest.post(VOLUMES, "{'suid': 'a', 'size': 4096, 'settings': {'k': 'v'}}"));
    assertTrue(why.contains("'k'"), why);
    assertFalse(Files.exists(data.resolve("volumes/a.img")));
  }

  @Test
  void backingsThatAddUpToMoreThanThereAreOffsetsAreImpossible() {
    String huge = "'zero:8388607T'";
    refused(422, rest.post(VOLUMES, "{'suid': 'a', 'backing': [" + huge + ", " + huge + "]}"));
  }

  @Test
  void aliasesOfAliasesAreClosedBeforeWhatTheyLeadTo() {
    // In the end stop() says whether all of them were.
    create("{'suid': 'm', 'size': 1048576}");
    create("{'suid': 'z', 'backing': ['wherry:m']}");
    create("{'suid': 'a', 'backing': ['wherry:z']}");
    create("{'suid': 'b', 'backing': ['wherry:a']}");
  }

  @Test
  void aVolumeIsMadeListedShownAndDeleted() {
    JsonNode v = create("{'suid': 'a', 'size': 1048577}");
    assertEquals("a", v.path("suid").asText());
    assertEquals(1048577, v.path("size").asLong());
    assertEquals(4096, v.path("blockSize").asInt());
    assertEquals("online", v.path("state").asText());
    assertEquals("owner", v.path("role").asText());
    assertEquals("here", v.path("owner").asText());
    assertEquals("local", v.path("handler").asText());
    assertEquals(data.resolve("volumes/a.img").toString(), v.path("backing").asText());
    assertEquals(257, v.path("blocks").path("total").asLong());
    assertEquals(257, v.path("blocks").path("here").asLong());
    assertEquals(0, v.path("blocks").path("dirty").asLong());
    assertEquals("nbd://127.0.0.1:" + daemon.nbdPort() + "/a", v.path("nbd").path("uri").asText());
    for (String nothing : List.of("readPolicy", "writePolicy", "ranges", "move", "handover")) {
      assertTrue(v.has(nothing) && v.path(nothing).isNull(), nothing);
    }
    assertEquals(v, rest.get(VOLUMES + "/a").json());
    assertEquals(1, rest.get(VOLUMES).json().size());
    assertTrue(Files.exists(data.resolve("volumes/a.img")));
    assertTrue(Files.exists(data.resolve("sockets/a.sock")));

    assertEquals(204, rest.delete(VOLUMES + "/a").status());
    assertEquals(0, rest.get(VOLUMES).json().size());
    assertFalse(Files.exists(data.resolve("volumes/a.img")));
    assertFalse(Files.exists(data.resolve("sockets/a.sock")));
    refused(404, rest.get(VOLUMES + "/a"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "400 | ",
        "400 | {",
        "400 | []",
        "400 | {} x",
        "400 | {'size': 1}",
        "400 | {'suid': 'a', 'suid': 'b', 'size': 1}",
        "400 | {'suid': 1, 'size': 1}",
        "400 | {'suid': '', 'size': 1}",
        "400 | {'suid': '.a', 'size': 1}",
        "400 | {'suid': '-a', 'size': 1}",
        "400 | {'suid': 'a/b', 'size': 1}",
        "400 | {'suid': 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'size': 1}",
        "400 | {'suid': 'a', 'size': '1M'}",
        "400 | {'suid': 'a', 'size': 1.5}",
        "400 | {'suid': 'a', 'size': 1e30}",
        "400 | {'suid': 'a', 'size': 9223372036854775808}",
        "400 | {'suid': 'a', 'size': 1, 'colour': 'red'}",
        "400 | {'suid': 'a', 'size': 1, 'readOnly': 'yes'}",
        "400 | {'suid': 'a', 'size': 1, 'settings': {'a': 1}}",
        "400 | {'suid': 'a', 'backing': [1]}",
        "400 | {'suid': 'a', 'backing': 'relative/path'}",
        "400 | {'suid': 'a', 'backing': 'gopher://x'}",
        "422 | {'suid': 'a'}",
        "422 | {'suid': 'a', 'size': 0}",
        "422 | {'suid': 'a', 'size': -1}",
        "422 | {'suid': 'a', 'size': 9223372036854775807}",
        "422 | {'suid': 'a', 'size': 1, 'blockSize': 3}",
        "422 | {'suid': 'a', 'size': 1, 'handler': 'nobody'}",
        "422 | {'suid': 'a', 'size': 1, 'source': 'nbd://127.0.0.1/x'}",
        "422 | {'suid': 'a', 'backing': '/does/not/exist'}",
        "422 | {'suid': 'a', 'backing': '/tmp'}",
        "422 | {'suid': 'a', 'backing': 'wherry:nobody'}",
        "422 | {'suid': 'a', 'backing': 'nbd://127.0.0.1:1/x'}",
      })
  void whatCannotBeIsRefusedAndChangesNothing(int status, String body) throws IOException {
    refused(status, rest.post(VOLUMES, body == null ? "" : body));
    assertEquals(0, rest.get(VOLUMES).json().size());
    try (var files = Files.list(data.resolve("volumes"))) {
      assertEquals(0, files.count());
    }
  }

  @Test
  void aNameIsTakenOnce() {
    create("{'suid': 'a', 'size': 4096}");
    assertTrue(refused(409, rest.post(VOLUMES, "{'suid': 'a', 'size': 4096}")).contains("exists"));
  }

  @Test
  void aFileThatIsThereAlreadyIsNotOverwritten() throws IOException {
    Files.writeString(data.resolve("volumes/a.img"), "precious");
    refused(409, rest.post(VOLUMES, "{'suid': 'a', 'size': 4096}"));
    assertEquals("precious", Files.readString(data.resolve("volumes/a.img")));
  }

  @Test
  void aBackingThatWasGivenDecidesTheSizeAndOutlivesTheVolume() throws IOException {
    Path f = file("disk", 1 << 20);
    assertEquals(1 << 20, create("{'suid': 'a', 'backing': '" + f + "'}").path("size").asLong());
    assertTrue(
        refused(409, rest.post(VOLUMES, "{'suid': 'b', 'backing': '" + f + "'}"))
            .contains("volume a"));
    Path link = Files.createSymbolicLink(dir.resolve("link"), f);
    refused(409, rest.post(VOLUMES, "{'suid': 'b', 'backing': '" + link + "'}"));
    assertEquals(204, rest.delete(VOLUMES + "/a").status());
    assertEquals(1 << 20, Files.size(f));
    create("{'suid': 'b', 'backing': '" + f + "', 'size': 4096}");
    assertEquals(4096, rest.get(VOLUMES + "/b").json().path("size").asLong());
    assertEquals(204, rest.delete(VOLUMES + "/b").status());
    assertTrue(
        refused(422, rest.post(VOLUMES, "{'suid': 'c', 'backing': '" + f + "', 'size': 1048577}"))
            .contains("1048577"));
  }

  @Test
  void backingsAreConcatenated() throws IOException {
    Path one = file("one", 1 << 20);
    Path two = file("two", 2 << 20);
    JsonNode v = create("{'suid': 'a', 'backing': ['" + one + "', '" + two + "']}");
    assertEquals(3 << 20, v.path("size").asLong());
    assertEquals(2, v.path("backing").size());
    refused(409, rest.post(VOLUMES, "{'suid': 'b', 'backing': '" + two + "'}"));
    refused(409, rest.post(VOLUMES, "{'suid': 'b', 'backing': ['" + dir + "/x', '" + two + "']}"));
  }

  @Test
  void whatAnAliasLeadsToIsNotDeleted() {
    create("{'suid': 'a', 'size': 8192}");
    create("{'suid': 'b', 'backing': 'wherry:a', 'readOnly': true}");
    assertTrue(refused(409, rest.delete(VOLUMES + "/a?force=true")).contains("b"));
    assertEquals(204, rest.delete(VOLUMES + "/b").status());
    assertEquals(204, rest.delete(VOLUMES + "/a").status());
  }

  @Test
  void aVolumeGrowsAndShrinksOnlyByForce() throws IOException {
    create("{'suid': 'a', 'size': 8192}");
    String resize = VOLUMES + "/a/resize";
    assertEquals(1 << 20, rest.post(resize, "{'size': 1048576}").json().path("size").asLong());
    assertEquals(1 << 20, Files.size(data.resolve("volumes/a.img")));
    refused(409, rest.post(resize, "{'size': 4096}"));
    assertEquals(200, rest.post(resize, "{'size': 4096, 'force': true}").status());
    assertEquals(4096, Files.size(data.resolve("volumes/a.img")));
    refused(400, rest.post(resize, "{}"));
    refused(422, rest.post(resize, "{'size': 0}"));
    refused(404, rest.post(VOLUMES + "/b/resize", "{'size': 1}"));
  }

  @Test
  void shrinkingOverABackingThatWasGivenCutsNothingOff() throws IOException {
    Path f = file("disk", 1 << 20);
    create("{'suid': 'a', 'backing': '" + f + "'}");
    assertEquals(200, rest.post(VOLUMES + "/a/resize", "{'size': 4096, 'force': true}").status());
    assertEquals(1 << 20, Files.size(f));
    assertEquals(4096, rest.get(VOLUMES + "/a").json().path("size").asLong());
  }

  @Test
  void theMapTellsHolesFromData() throws IOException {
    Path f = file("disk", 1 << 20);
    try (RandomAccessFile r = new RandomAccessFile(f.toFile(), "rw")) {
      r.seek(65536);
      r.write(new byte[] {1});
    }
    create("{'suid': 'a', 'backing': '" + f + "'}");
    JsonNode map = rest.get(VOLUMES + "/a/map").json();
    assertEquals(3, map.size(), map.toString());
    assertEquals("zero", map.path(0).path("state").asText());
    assertTrue(map.path(0).path("hole").asBoolean());
    assertEquals("here", map.path(1).path("state").asText());
    assertEquals(65536, map.path(1).path("offset").asLong());
    long end = map.path(2).path("offset").asLong() + map.path(2).path("length").asLong();
    assertEquals(1 << 20, end);
    assertEquals(1, rest.get(VOLUMES + "/a/map?offset=65536&limit=1").json().size());
    refused(400, rest.get(VOLUMES + "/a/map?offset=x"));
    refused(400, rest.get(VOLUMES + "/a/map?offset=1048577"));
  }

  @Test
  void anAccessListIsKeptAndChecked() {
    create("{'suid': 'a', 'size': 4096}");
    JsonNode v = rest.post(VOLUMES + "/a/set", "{'allow': '10.0.0.0/8, cn:host1,::1'}").json();
    assertEquals(3, v.path("allow").size());
    refused(400, rest.post(VOLUMES + "/a/set", "{'allow': '10.0.0.0/33'}"));
    refused(400, rest.post(VOLUMES + "/a/set", "{'allow': 'host.example'}"));
    refused(400, rest.post(VOLUMES + "/a/set", "{}"));
    refused(422, rest.post(VOLUMES + "/a/set", "{'colour': 'red'}"));
    assertEquals(
        0, rest.send("PATCH", VOLUMES + "/a", "{'allow': ''}").json().path("allow").size());
  }

  @Test
  void volumesSurviveARestartAndOneThatIsLostKeepsNoOtherFromStarting() throws IOException {
    Path f = file("disk", 4096);
    create("{'suid': 'lost', 'backing': '" + f + "'}");
    create("{'suid': 'alias', 'backing': 'wherry:kept'}".replace("wherry:kept", "wherry:lost"));
    create("{'suid': 'kept', 'size': 4096, 'blockSize': 512}");
    rest.post(VOLUMES + "/kept/set", "{'allow': 'cn:x'}");
    JsonNode kept = rest.get(VOLUMES + "/kept").json();
    assertTrue(daemon.stop());
    Files.move(f, dir.resolve("elsewhere"));

    restart();
    JsonNode again = rest.get(VOLUMES + "/kept").json();
    assertEquals(512, again.path("blockSize").asInt());
    assertEquals(kept.path("allow"), again.path("allow"));
    assertEquals(kept.path("createdAt"), again.path("createdAt"));
    becomes("online", "kept");
    becomes("failed", "lost");
    JsonNode lost = rest.get(VOLUMES + "/lost").json();
    assertTrue(lost.path("reason").asText().contains(f.toString()), lost.toString());
    refused(422, rest.post(VOLUMES + "/lost/reopen", ""));
    refused(409, rest.post(VOLUMES + "/kept/reopen", ""));

    Files.move(dir.resolve("elsewhere"), f);
    // By hand, or by itself just before.
    rest.post(VOLUMES + "/lost/reopen", "");
    becomes("online", "lost");
    becomes("online", "alias");
  }

  @Test
  void aVolumeWhoseServerComesUpAfterTheDaemonOpensByItselfAndSoDoItsAliases() throws IOException {
    Path far = dir.resolve("far");
    Daemon server = DaemonRule.start(far);
    Rest there = new Rest(server.apiAddress());
    assertEquals(201, there.post(VOLUMES, "{'suid': 'x', 'size': 8192}").status());
    create("{'suid': 'nb', 'backing': ['nbd+unix:///x?socket=" + far + "/nbd.sock']}");
    create("{'suid': 'al', 'backing': ['wherry:nb']}");
    assertTrue(daemon.stop());
    assertTrue(server.stop());

    restart();
    becomes("failed", "nb");
    becomes("failed", "al");
    Daemon again = DaemonRule.start(far);
    try {
      becomes("online", "nb");
      becomes("online", "al");
    } finally {
      assertTrue(daemon.stop());
      assertTrue(again.stop());
    }
  }

  /** After a start a volume is suspended until it has been tried. */
  private void becomes(String state, String suid) {
    await(suid + " is " + state)
        .until(() -> rest.get(VOLUMES + "/" + suid).json().path("state").asText().equals(state));
  }

  @Test
  void manyVolumesAreMadeAtOnce() {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      String suid = "v" + i;
      Thread t = new Thread(() -> create("{'suid': '" + suid + "', 'size': 4096}"));
      threads.add(t);
      t.start();
    }
    threads.forEach(
        t -> {
          try {
            t.join(60_000);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
    assertEquals(12, rest.get(VOLUMES).json().size());
  }

  @Test
  void metricsTellOfEveryVolume() {
    create("{'suid': 'a', 'size': 4096}");
    String text = rest.get("/metrics").text();
    for (String name :
        List.of(
            "wherry_nbd_in_flight{suid=\"a\"}",
            "wherry_volume_connections{suid=\"a\"}",
            "wherry_volume_size_bytes{suid=\"a\"} 4096",
            "wherry_volume_state{state=\"online\",suid=\"a\"} 1")) {
      assertTrue(text.contains(name), name + " is not in\n" + text);
    }
  }

  @Test
  void metricsDoNotGrowWithTheMethodsAndPathsThatClientsInvent() {
    for (int i = 0; i < 50; i++) {
      refused(501, rest.send("INVENTED" + i, "/", null));
      refused(404, rest.get("/invented" + i));
      refused(405, rest.send("PUT", VOLUMES, null));
    }
    String text = rest.get("/metrics").text();
    assertFalse(text.toLowerCase(Locale.ROOT).contains("invented"), text);
    assertFalse(text.contains("vertx_http"), text);
  }

  @Test
  void listsDoNotWaitBehindCreatesWhoseBackingSaysNothing() throws IOException {
    List<CompletableFuture<Rest.Answer>> slow = new ArrayList<>();
    ExecutorService threads = Executors.newCachedThreadPool();
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      silent.setSoTimeout(60_000);
      String backing = "nbd://127.0.0.1:" + silent.getLocalPort() + "/x";
      for (int i = 0; i < 6; i++) {
        String body = "{'suid': 'v" + i + "', 'backing': ['" + backing + "']}";
        slow.add(CompletableFuture.supplyAsync(() -> rest.post(VOLUMES, body), threads));
      }
      List<Socket> held = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        held.add(silent.accept());
      }
      assertEquals(200, rest.get(VOLUMES).status());
      assertEquals(404, rest.get(VOLUMES + "/none").status());
      assertEquals(200, rest.get("/metrics").status());
      assertTrue(slow.stream().noneMatch(CompletableFuture::isDone));
      for (Socket s : held) {
        s.close();
      }
    }
    slow.forEach(f -> assertTrue(f.join().status() >= 400, f.join().text()));
    threads.shutdown();
  }

  @ParameterizedTest
  @CsvSource({
    "evil:21009, 403",
    "127.0.0.1.evil:80, 403",
    "localhost.evil, 403",
    "evil, 403",
    "localhost, 200",
    "LocalHost:8009, 200",
    "127.1.2.3:1, 200",
    "[::1]:8009, 200"
  })
  void aNameThatSomebodyElseLeadsToLoopbackIsRefused(String host, int status) {
    String line =
        Rest.raw(daemon.apiAddress(), "GET " + VOLUMES + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    assertTrue(line.startsWith("HTTP/1.1 " + status + " "), line);
  }

  @Test
  void healthIsUpWhileItServes() {
    assertEquals(200, rest.get("/health/live").status());
    assertEquals("UP", rest.get("/health/ready").json().path("status").asText());
  }

  @Test
  void anythingElseIsAProblemToo() {
    refused(404, rest.get("/nothing"));
    refused(405, rest.send("PUT", VOLUMES, "{}"));
    refused(413, rest.post(VOLUMES, "x".repeat((64 << 10) + 1)));
    refused(403, rest.post(VOLUMES, "{'suid':'a','size':1}", "origin", "http://evil.example"));
  }

  @Test
  void theNodeListsItself() {
    JsonNode nodes = rest.get("/api/v1/nodes").json();
    assertEquals(1, nodes.size());
    assertEquals("here", nodes.path(0).path("name").asText());
    assertEquals("online", nodes.path(0).path("state").asText());
    assertTrue(nodes.path(0).has("link") && nodes.path(0).has("reason"));
  }
}
