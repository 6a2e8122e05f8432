package dev.wherry.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.wherry.cli.Programs.Result;
import dev.wherry.cli.Programs.Wherryd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Both programs, as they are shipped, and real NBD clients. */
final class WherryIT {
  @TempDir Path dir;

  private Path data;
  private Programs programs;

  @BeforeEach
  void prepare() {
    data = dir.resolve("data");
    programs = new Programs(dir);
  }

  @AfterEach
  void end() throws InterruptedException {
    programs.close();
  }

  private JsonNode json(Wherryd d, String... args) throws IOException, InterruptedException {
    String[] all = new String[args.length + 1];
    all[0] = "--json";
    System.arraycopy(args, 0, all, 1, args.length);
    return new JsonMapper().readTree(programs.wherry(d, all).mustSucceed().out());
  }

  private void refused(String part, Result r) {
    assertEquals(1, r.code(), r.err());
    assertTrue(r.err().startsWith("wherry: ") && r.err().contains(part), r.err());
    assertEquals(1, r.err().lines().count(), r.err());
  }

  @Test
  void aVolumeIsMadeAndUsedByRealClients() throws Exception {
    Wherryd d = programs.wherryd(data, "--node", "n1");
    assertTrue(d.readyLine().contains(" node=n1 "), d.readyLine());
    assertEquals("a\n", programs.wherry(d, "volume", "create", "a", "--size", "64M").out());
    JsonNode v = json(d, "volume", "show", "a");
    assertEquals(64 << 20, v.path("size").asLong());
    String uri = v.path("nbd").path("uri").asText();
    String unix = v.path("nbd").path("unixUri").asText();
    assertEquals("67108864", programs.run("nbdinfo", "--size", uri).mustSucceed().out().strip());
    assertEquals("67108864", programs.run("nbdinfo", "--size", unix).mustSucceed().out().strip());
    String own = "nbd+unix:///?socket=" + data.resolve("sockets/a.sock");
    assertEquals("67108864", programs.run("nbdinfo", "--size", own).mustSucceed().out().strip());
    assertTrue(programs.run("qemu-img", "info", uri).mustSucceed().out().contains("64 MiB"));
    programs
        .run("qemu-io", "-f", "raw", "-c", "write -P 7 1M 64k", "-c", "flush", uri)
        .mustSucceed();
    programs.run("qemu-io", "-f", "raw", "-c", "read -P 7 1M 64k", unix).mustSucceed();
    JsonNode map = json(d, "volume", "map", "a");
    assertEquals(3, map.size(), map.toString());
    assertEquals("here", map.path(1).path("state").asText());
    assertEquals(1 << 20, map.path(1).path("offset").asLong());

    assertEquals("128M\n", programs.wherry(d, "volume", "resize", "a", "--size", "128M").out());
    assertEquals("134217728", programs.run("nbdinfo", "--size", uri).mustSucceed().out().strip());
    refused("--force", programs.wherry(d, "volume", "resize", "a", "--size", "1M"));
    assertEquals(1, json(d, "volume", "list").size());
    // Its server may notice a moment later that a client has gone.
    Awaitility.await().until(() -> json(d, "volume", "connections", "a").isEmpty());
    assertEquals("n1", json(d, "node", "list").path(0).path("name").asText());
    assertTrue(programs.wherry(d, "volume", "list").mustSucceed().out().contains("128M"));
    programs.wherry(d, "volume", "delete", "a").mustSucceed();
    assertEquals("[]", programs.wherry(d, "--json", "volume", "list").out().strip());
    assertEquals(0, d.terminate());
  }

  @Test
  void exitCodesTellUsageFromRefusal() throws Exception {
    Wherryd d = programs.wherryd(data);
    for (List<String> usage :
        List.of(
            List.<String>of(),
            List.of("volume"),
            List.of("volume", "make"),
            List.of("volume", "create"),
            List.of("volume", "create", "a", "--size", "big"),
            List.of("volume", "create", "a", "--colour", "red"),
            List.of("volume", "resize", "a"),
            List.of("volume", "show", ""))) {
      Result r = programs.wherry(d, usage.toArray(String[]::new));
      assertEquals(2, r.code(), usage + r.err());
      assertTrue(r.err().startsWith("wherry: "), r.err());
    }
    refused("does not exist", programs.wherry(d, "volume", "show", "nobody"));
    refused("is not 1 to 64", programs.wherry(d, "volume", "create", "a/b", "--size", "1M"));
    refused("neither a size", programs.wherry(d, "volume", "create", "a"));
    refused("/none", programs.wherry(d, "volume", "create", "a", "--backing", dir + "/none"));
    assertEquals(0, d.terminate());
    refused("cannot be reached", programs.wherry(d, "volume", "list"));
  }

  @Test
  void aKilledDaemonStartsAgainWithItsVolumesAndWhatWasWritten() throws Exception {
    Wherryd d = programs.wherryd(data);
    programs.wherry(d, "volume", "create", "a", "--size", "8M").mustSucceed();
    String unix = json(d, "volume", "show", "a").path("nbd").path("unixUri").asText();
    programs.run("qemu-io", "-f", "raw", "-c", "write -P 9 0 1M", unix).mustSucceed();
    d.kill();
    assertTrue(Files.exists(data.resolve("nbd.sock")));
    Result check = programs.run(Map.of(), catalogCheck());
    assertEquals(0, check.code(), check.out());

    Wherryd again = programs.wherryd(data);
    programs.run("qemu-io", "-f", "raw", "-c", "read -P 9 0 1M", unix).mustSucceed();
    assertEquals(0, again.terminate());
    assertFalse(Files.exists(data.resolve("nbd.sock")));
  }

  private List<String> catalogCheck() {
    return List.of(
        Programs.HOME + "/scripts/wherry", "catalog", "check", "--data", data.toString());
  }

  @Test
  void aSecondDaemonIsRefusedAndTheFirstStays() throws Exception {
    Wherryd d = programs.wherryd(data);
    Result r =
        programs.run(
            Programs.HOME + "/scripts/wherryd",
            "--data",
            data.toString(),
            "--nbd",
            "127.0.0.1:0",
            "--api",
            "127.0.0.1:0",
            "--link",
            "127.0.0.1:0");
    assertEquals(1, r.code());
    assertEquals("", r.out());
    assertTrue(r.err().startsWith("wherryd: ") && r.err().contains("in use"), r.err());
    refused("no daemon runs", programs.run(Map.of(), catalogCheck()));
    assertTrue(d.process().isAlive());
    assertEquals(0, d.terminate());
  }

  @Test
  void aPortThatIsTakenIsNamed() throws Exception {
    Wherryd d = programs.wherryd(data);
    Result r =
        programs.run(
            Programs.HOME + "/scripts/wherryd",
            "--data",
            dir.resolve("other").toString(),
            "--nbd",
            d.address("nbd"),
            "--api",
            "127.0.0.1:0",
            "--link",
            "127.0.0.1:0");
    assertEquals(1, r.code(), r.err());
    assertTrue(r.err().startsWith("wherryd: nbd 127.0.0.1:"), r.err());
    assertEquals(0, d.terminate());
  }

  @Test
  void aBadConfigurationIsOneLineThatNamesTheSetting() throws Exception {
    Path yaml = Files.writeString(dir.resolve("c.yaml"), "data: " + data + "\nnbd: nowhere\n");
    Result r = programs.run(Programs.HOME + "/scripts/wherryd", "--config", yaml.toString());
    assertEquals(2, r.code());
    assertEquals("", r.out());
    assertEquals(1, r.err().lines().count(), r.err());
    assertTrue(r.err().startsWith("wherryd: nbd: "), r.err());
    assertFalse(Files.exists(data));
    assertEquals(2, programs.run(Programs.HOME + "/scripts/wherryd", "--nope").code());
  }

  @Test
  void theCheckTellsWhatIsWrongOffline() throws Exception {
    Wherryd d = programs.wherryd(data);
    programs.wherry(d, "volume", "create", "a", "--size", "8M").mustSucceed();
    assertEquals(0, d.terminate());
    Files.delete(data.resolve("volumes/a.img"));
    Result r = programs.run(Map.of(), catalogCheck());
    refused("1 findings", r);
    assertTrue(r.out().contains("a.img is missing"), r.out());
  }

  @Test
  void theSocketsAreForTheDaemonsUserAlone() throws Exception {
    Wherryd d = programs.wherryd(data);
    programs.wherry(d, "volume", "create", "a", "--size", "8M").mustSucceed();
    for (String socket : List.of("nbd.sock", "sockets/a.sock")) {
      assertEquals(
          "rw-------",
          PosixFilePermissions.toString(Files.getPosixFilePermissions(data.resolve(socket))));
    }
    assertEquals(0, d.terminate());
  }

  @Test
  void aDeletedVolumeIsTakenFromItsHostsOnlyByForce() throws Exception {
    Wherryd d = programs.wherryd(data);
    programs.wherry(d, "volume", "create", "a", "--size", "8M").mustSucceed();
    String unix = json(d, "volume", "show", "a").path("nbd").path("unixUri").asText();
    Process host =
        new ProcessBuilder(
                "/usr/bin/python3",
                "-c",
                "import nbd,sys,time\nh=nbd.NBD()\nh.connect_uri(sys.argv[1])\n"
                    + "print('in', flush=True)\ntime.sleep(600)",
                unix)
            .start();
    try {
      assertEquals(
          "in",
          new String(host.getInputStream().readNBytes(2), java.nio.charset.StandardCharsets.UTF_8));
      assertEquals(1, json(d, "volume", "connections", "a").size());
      refused("--force", programs.wherry(d, "volume", "delete", "a"));
      programs.wherry(d, "volume", "delete", "a", "--force").mustSucceed();
      assertFalse(Files.exists(data.resolve("volumes/a.img")));
      assertEquals(0, d.terminate());
    } finally {
      host.destroyForcibly();
      host.waitFor();
    }
  }

  @Test
  void anAccessListKeepsOthersOut() throws Exception {
    Wherryd d = programs.wherryd(data);
    programs.wherry(d, "volume", "create", "a", "--size", "8M").mustSucceed();
    String uri = json(d, "volume", "show", "a").path("nbd").path("uri").asText();
    programs.wherry(d, "volume", "set", "a", "allow=10.0.0.0/8").mustSucceed();
    assertTrue(programs.run("nbdinfo", uri).code() != 0);
    programs.wherry(d, "volume", "set", "a", "allow=10.0.0.0/8,127.0.0.0/8").mustSucceed();
    programs.run("nbdinfo", uri).mustSucceed();
    assertEquals(0, d.terminate());
  }
}
