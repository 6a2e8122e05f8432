package dev.wherry.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.wherry.cli.Programs.Result;
import dev.wherry.cli.Programs.Wherryd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** NBD and REST with certificates, a token, and an access list by name. */
final class TlsIT {
  @TempDir Path dir;

  private Programs programs;
  private Path tls;

  @BeforeEach
  void makeCertificates() throws Exception {
    programs = new Programs(dir);
    tls = Files.createDirectory(dir.resolve("tls"));
    openssl(
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca-key.pem -out"
            + " ca-cert.pem");
    Files.writeString(tls.resolve("ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
    for (String who : List.of("server", "client")) {
      openssl(
          "req -newkey rsa:2048 -nodes -subj /CN=WHO -keyout WHO-key.pem -out WHO.csr"
              .replace("WHO", who));
      openssl(
          "x509 -req -in WHO.csr -CA ca-cert.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile ext -out WHO-cert.pem"
              .replace("WHO", who));
    }
    Files.writeString(tls.resolve("token"), "s3cret\n");
  }

  @AfterEach
  void end() throws InterruptedException {
    programs.close();
  }

  private void openssl(String args) throws IOException, InterruptedException {
    programs.run("sh", "-c", "cd '" + tls + "' && exec openssl " + args).mustSucceed();
  }

  private Result wherry(Wherryd d, String... args) throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Programs.HOME + "/scripts/wherry",
                "--api",
                "https://" + d.address("api"),
                "--tls-dir",
                tls.toString()));
    command.addAll(List.of(args));
    return programs.run(Map.of(), command);
  }

  @Test
  void onlyWhoHasTheCertificateAndTheNameGetsIn() throws Exception {
    String token = tls.resolve("token").toString();
    Wherryd d =
        programs.wherryd(
            dir.resolve("data"),
            "--tls",
            "require",
            "--tls-dir",
            tls.toString(),
            "--api-tls",
            "on",
            "--api-token-file",
            token);
    assertEquals(1, wherry(d, "volume", "list").code());
    wherry(d, "--token-file", token, "volume", "create", "a", "--size", "1M").mustSucceed();
    String json =
        wherry(d, "--token-file", token, "--json", "volume", "show", "a").mustSucceed().out();
    String uri = new JsonMapper().readTree(json).path("nbd").path("uri").asText();
    assertTrue(uri.startsWith("nbds://"), uri);

    String withTls = uri + "?tls-certificates=" + tls;
    assertEquals("1048576", programs.run("nbdinfo", "--size", withTls).mustSucceed().out().strip());
    assertNotEquals(0, programs.run("nbdinfo", uri.replace("nbds:", "nbd:")).code());
    wherry(d, "--token-file", token, "volume", "set", "a", "allow=cn:other").mustSucceed();
    assertNotEquals(0, programs.run("nbdinfo", withTls).code());
    wherry(d, "--token-file", token, "volume", "set", "a", "allow=cn:client").mustSucceed();
    programs.run("nbdinfo", withTls).mustSucceed();
    assertEquals(0, d.terminate());
  }
}
