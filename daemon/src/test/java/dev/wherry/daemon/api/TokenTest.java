package dev.wherry.daemon.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.wherry.daemon.Daemon;
import dev.wherry.daemon.DaemonRule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TokenTest {
  @TempDir Path dir;

  @Test
  void whoHasNoTokenSeesNothingButHealth() throws IOException {
    Path token = Files.writeString(dir.resolve("token"), "s3cret\n");
    Daemon daemon = DaemonRule.start(dir.resolve("data"), "--api-token-file", token.toString());
    try {
      Rest rest = new Rest(daemon.apiAddress());
      assertEquals(401, rest.get("/api/v1/volumes").status());
      assertEquals(401, rest.get("/metrics").status());
      assertEquals(401, rest.get("/api/v1/volumes", "authorization", "Bearer s3cre").status());
      assertEquals(401, rest.get("/api/v1/volumes", "authorization", "Basic s3cret").status());
      assertEquals(200, rest.get("/api/v1/volumes", "authorization", "Bearer s3cret").status());
      assertEquals(200, rest.get("/health/ready").status());
    } finally {
      daemon.stop();
    }
  }
}
