package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.link.Op;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A had the volume, B took it, C took it from B and keeps B's store the same as its own. */
class ChainThroughTest {
  private final byte[] content = Bytes.of(1, SIZE);
  @TempDir Path directory;
  private Nodes nodes;
  private Nodes.Node a;
  private Nodes.Node b;
  private Nodes.Node c;

  @BeforeEach
  void open() {
    nodes = new Nodes(directory, "pull", true);
    a = nodes.owner("a", content);
    b = nodes.share(a, "b");
    b.activate();
    c = nodes.share(b, "c");
    c.activate();
    b.stop();
    b.batches = new Batches();
    b.start();
    nodes.await(c.volume().policies("pull", WritePolicy.THROUGH, List.of(), true));
    nodes.pass(Duration.ofSeconds(5));
    expectThrough();
  }

  @AfterEach
  void close() {
    nodes.close();
  }

  private void expectThrough() {
    Lag lag = c.volume().lag();
    assertNotNull(lag);
    assertEquals(Lag.Mode.THROUGH, lag.mode());
  }

  @Test
  void whatReachesTheTakerBetweenTheDifferencesAndTheHandOverIsWhatItHas() {
    b.activate();
    b.expect(content); // and has all of it
    nodes.await(b.volume().zero(9 * BLOCK, BLOCK, 0));
    c.activate();
    nodes.pass(Duration.ofSeconds(5));
    expectThrough();
    nodes.wire.hold(Op.HANDOVER);
    CompletableFuture<Void> back = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1)); // b has been told that it has zeroes there
    byte[] written = Bytes.of(3, BLOCK);
    c.write(9 * BLOCK, written);
    nodes.await(c.volume().flush());
    nodes.pass(Duration.ofSeconds(1));
    nodes.wire.pass(Op.HANDOVER);
    nodes.await(back);
    b.expect(Bytes.with(content, 9 * BLOCK, written));
  }

  @Test
  void whatIsWrittenWhileTheMiddleIsReleasedGoesBackToTheFirst() {
    nodes.wire.hold(Op.RELEASE);
    CompletableFuture<?> released = b.volume().release();
    nodes.pass(Duration.ofSeconds(1));
    byte[] written = Bytes.of(3, BLOCK);
    c.write(9 * BLOCK, written);
    nodes.await(c.volume().flush());
    nodes.pass(Duration.ofSeconds(1));
    nodes.wire.pass(Op.RELEASE);
    nodes.await(released);
    assertEquals("node:a", c.state().source());
    a.activate();
    a.expect(Bytes.with(content, 9 * BLOCK, written));
  }

  @Test
  void aReleaseThatIsRefusedEndsNothing() {
    c.read(9 * BLOCK, 1);
    c.write(5 * BLOCK, Bytes.of(2, BLOCK));
    nodes.wire.cut("b", "c");
    assertTrue(nodes.failure(b.volume().release()).getMessage().contains("did not answer"));
    nodes.mend(b, c);
    nodes.pass(Duration.ofSeconds(10));
    expectThrough();
  }
}
