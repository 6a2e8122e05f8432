package dev.wherry.daemon.api;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.daemon.Daemon;
import dev.wherry.daemon.DaemonRule;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** When a whole daemon begins to rehearse hand-overs: as soon as there may be one. */
final class RehearsalOverHttpTest {
  @TempDir Path dir;

  private Daemon daemon;
  private Rest rest;

  private void start() {
    daemon = DaemonRule.start(dir, "--rehearse", "true");
    rest = new Rest(daemon.apiAddress());
  }

  @AfterEach
  void stop() {
    assertTrue(daemon.stop());
  }

  private boolean says(String line) {
    return rest.get("/metrics").text().contains("\n" + line + "\n");
  }

  private void isDone() {
    await().atMost(Cluster.LIMIT).until(() -> says("wherry_rehearsal_done 1.0"));
  }

  @Test
  void itBeginsWithTheFirstNodeThatIsAddedAndAtTheStartWhereThereIsOne() {
    start();
    assertTrue(says("wherry_rehearsal_done 0.0"), "there is nobody to hand anything over to");
    Rest.Answer added = rest.post("/api/v1/nodes", "{'name': 'b', 'link': '127.0.0.1:1'}");
    assertEquals(201, added.status(), added.text());
    isDone();
    stop();
    start();
    isDone();
  }
}
