package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.link.Op;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A batch that was committed in the source and is damaged when it is to be applied. */
class DamagedBatchTest extends TwoNodes {
  private static final int FIRST_PIECE = 8192;
  private final Batches batches = new Batches();
  private byte[] changed = {};

  /**
   * Node {@code b} owns the volume; {@code a} is its source, does not run, and has such a batch.
   */
  @BeforeEach
  void damage() {
    open("pull", true);
    b.activate();
    a.stop();
    a.batches = batches;
    a.start();
    nodes.await(b.volume().policies("pull", WritePolicy.BACK, List.of(), true));
    b.write(3 * BLOCK, Bytes.of(2, 2 * BLOCK));
    changed = Bytes.with(content, 3 * BLOCK, Bytes.of(2, 2 * BLOCK));
    a.disk.failWrites(true);
    nodes.await(b.volume().flush());
    nodes.pass(Duration.ofSeconds(2));
    assertTrue(!batches.isEmpty(), "a batch is committed");
    a.stop();
    a.disk.failWrites(false);
    batches.damage(FIRST_PIECE + 100);
  }

  @Test
  void theOwnerSendsItAgain() {
    a.start();
    nodes.pass(Duration.ofSeconds(5));
    assertEquals(1, batches.setAside());
    assertNull(a.volume().damage());
    assertArrayEquals(changed, a.disk.content(0, SIZE));
    Lag lag = b.volume().lag();
    assertNotNull(lag);
    assertEquals(0, lag.bytes());
    assertNull(lag.failure());
  }

  @Test
  void withoutTheOwnerItIsNotTakenOverByForceWithoutAWord() {
    b.stop();
    a.start();
    nodes.pass(Duration.ofSeconds(1));
    String damage = String.valueOf(a.volume().damage());
    assertTrue(damage.contains("batch 1 "), damage);
    String refusal = nodes.refusal(a.volume().activate(true));
    assertTrue(refusal.contains("is of no one time: " + damage), refusal);
    assertSame(Role.FORMER, a.memory.state().role());
    nodes.await(a.volume().activate(true, true));
    assertSame(Role.OWNER, a.memory.state().role());
    assertNull(a.volume().damage());
  }

  @Test
  void whereForceIsRefusedHostsReachTheOwnerStill() {
    b.stop();
    a.start();
    nodes.pass(Duration.ofSeconds(1));
    nodes.refusal(a.volume().activate(true));
    b.start();
    nodes.mend(a, b);
    a.expect(changed);
  }

  @Test
  void theOwnershipIsTakenFromTheOwnerAsEver() {
    a.start();
    a.activate();
    a.expect(changed);
    assertNull(a.volume().damage());
    b.activate();
    a.stop();
    b.stop();
    a.start();
    nodes.pass(Duration.ofSeconds(1));
    assertNull(a.volume().damage());
  }

  @Test
  void whereAllIsThereTheStoreIsReleased() {
    a.start();
    nodes.wire.hold(Op.BATCH_DATA);
    b.expect(changed);
    assertNotNull(a.volume().damage());
    a.release();
    b.expect(changed);
  }
}
