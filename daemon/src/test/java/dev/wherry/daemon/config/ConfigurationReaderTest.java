package dev.wherry.daemon.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.daemon.config.Configuration.Io;
import dev.wherry.daemon.config.Configuration.Tls;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ConfigurationReaderTest {
  @TempDir Path dir;

  private final Map<String, String> environment = new HashMap<>();

  private Configuration read(String... args) {
    CommandLine line = CommandLine.parse(args, environment);
    return ConfigurationReader.read(line.settings(), environment, line.file());
  }

  private Path yaml(String text) throws IOException {
    return Files.writeString(dir.resolve("wherryd.yaml"), text);
  }

  private String refused(String... args) {
    String message = assertThrows(ConfigurationException.class, () -> read(args)).getMessage();
    assertEquals(1, message.lines().count(), message);
    return message;
  }

  @Test
  void withoutAnyWordTheDefaultsHold() {
    Configuration c = read();
    assertEquals(Path.of("/var/lib/wherry"), c.data());
    assertEquals(Path.of("/var/lib/wherry/nbd.sock"), c.nbdUnix());
    assertEquals("127.0.0.1:10809", c.nbd().toString());
    assertEquals("127.0.0.1:8009", c.api().toString());
    assertEquals("127.0.0.1:8010", c.link().toString());
    assertEquals(Io.AUTO, c.io());
    assertEquals(Tls.OFF, c.tls());
    assertEquals(Duration.ofSeconds(30), c.ioTimeout());
    assertFalse(c.insecure());
    assertFalse(c.node().isEmpty());
  }

  @Test
  void anOptionGoesBeforeTheEnvironmentThatBeforeTheFileThatBeforeTheDefault() throws IOException {
    String file = yaml("node: of-file\nio-timeout: 7s\nnbd: 127.0.0.1:1\n").toString();
    environment.put("WHERRYD_NODE", "of-environment");
    environment.put("WHERRYD_NBD", "127.0.0.1:2");
    Configuration c = read("--config", file, "--node", "of-option");
    assertEquals("of-option", c.node());
    assertEquals("127.0.0.1:2", c.nbd().toString());
    assertEquals(Duration.ofSeconds(7), c.ioTimeout());
    assertEquals("127.0.0.1:8010", c.link().toString());
  }

  @Test
  void anEmptyVariableIsNotGiven() {
    environment.put("WHERRYD_NBD", "");
    assertEquals("127.0.0.1:10809", read().nbd().toString());
  }

  @Test
  void aKeyOfTheFileThatIsNotKnownIsRefusedByName() throws IOException {
    String file = yaml("nbdd: 127.0.0.1:1\n").toString();
    assertTrue(refused("--config", file).contains("'nbdd'"));
  }

  @Test
  void aFileThatIsNotThereOrNotYamlIsRefused() throws IOException {
    assertTrue(refused("--config", dir + "/none").startsWith("config: "));
    assertTrue(refused("--config", yaml("a: [").toString()).startsWith("config: "));
    assertTrue(refused("--config", yaml("- a").toString()).startsWith("config: "));
    assertTrue(refused("--config", yaml("nbd: [1]").toString()).startsWith("nbd: "));
  }

  @Test
  void anEmptyFileIsFine() throws IOException {
    assertEquals("127.0.0.1:8009", read("--config", yaml("").toString()).api().toString());
  }

  @ParameterizedTest
  @CsvSource({
    "--nbd, 127.0.0.1",
    "--nbd, 127.0.0.1:65536",
    "--nbd, 127.0.0.1:x",
    "--nbd, :10809",
    "--nbd, ::1:10809",
    "--api, no.such.host.invalid:1",
    "--link, ''",
    "--io, kqueue",
    "--tls, maybe",
    "--io-timeout, 0s",
    "--io-timeout, soon",
    "--io-timeout, 25h",
    "--connections, 0",
    "--connections, many",
    "--node, 'a b'",
    "--node, -a",
    "--data, ''",
    "--api-token-file, /does/not/exist",
    "--log-format, xml",
  })
  void aBadValueIsRefusedByTheNameOfItsSetting(String option, String value) {
    assertTrue(refused(option + "=" + value).startsWith(option.substring(2) + ": "));
  }

  @Test
  void anUnknownOptionIsRefusedByName() {
    assertTrue(refused("--colour", "red").contains("--colour"));
    assertTrue(refused("stray").contains("stray"));
  }

  @Test
  void offLoopbackNbdAndLinkWantTlsOrInsecureInWords() {
    for (String option : List.of("--nbd", "--link")) {
      assertTrue(refused(option, "0.0.0.0:0").contains("--tls require"));
      assertTrue(read(option, "0.0.0.0:0", "--insecure").insecure());
    }
  }

  @Test
  void offLoopbackRestWantsTlsAndAToken() throws IOException {
    assertTrue(refused("--api", "0.0.0.0:0").startsWith("api: "));
    for (String name : List.of("ca-cert.pem", "server-cert.pem", "server-key.pem")) {
      Files.writeString(dir.resolve(name), "x");
    }
    Files.writeString(dir.resolve("token"), "secret\n");
    String tls = dir.toString();
    assertTrue(refused("--api", "0.0.0.0:0", "--tls", "on", "--tls-dir", tls).startsWith("api: "));
    Configuration c =
        read(
            "--api",
            "0.0.0.0:0",
            "--tls",
            "on",
            "--tls-dir",
            tls,
            "--api-token-file",
            dir.resolve("token").toString());
    assertTrue(c.apiTls());
    assertEquals("secret", c.apiToken());
    assertFalse(c.toString().contains("secret"));
  }

  @Test
  void tlsWithoutItsFilesIsRefused() {
    assertTrue(refused("--tls", "on").startsWith("tls-dir: "));
    assertTrue(refused("--tls", "on", "--tls-dir", dir.toString()).contains("ca-cert.pem"));
  }

  @Test
  void aSocketPathThatLinuxCannotBindIsRefused() {
    assertTrue(refused("--data", "/" + "d".repeat(100)).startsWith("nbd-unix: "));
  }

  @Test
  void ipv6IsWrittenInBrackets() {
    HostPort h = read("--nbd", "[::1]:7").nbd();
    assertTrue(h.isLoopback());
    assertEquals("[::1]:8", h.withPort(8));
  }
}
