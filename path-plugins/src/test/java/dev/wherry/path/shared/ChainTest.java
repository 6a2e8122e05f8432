package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.BLOCKS;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.link.Op;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A had the volume, B took it and wrote block 5, C took it before B had all. */
class ChainTest extends TwoNodes {
  private final byte[] changed = Bytes.with(content, 5 * BLOCK, Bytes.of(2, BLOCK));
  private Nodes.Node c;

  @BeforeEach
  void open() {
    open("pull", true);
    b.activate();
    b.write(5 * BLOCK, Bytes.of(2, BLOCK));
    c = nodes.share(b, "c");
    c.activate();
    nodes.pass(Duration.ofSeconds(1)); // until all have heard of it
    nodes.wire.forget();
  }

  @Test
  void theOwnerReadsThroughTheMiddle() {
    nodes.wire.cut("a", "c");
    c.expect(changed);
    assertEquals(3, c.state().epoch());
    assertEquals("node:b", c.state().source());
    assertTrue(nodes.wire.sent(Op.FETCH).stream().anyMatch(s -> s.to().equals("a")));
  }

  @Test
  void whatFallsThroughIsNotKeptInTheMiddle() {
    long before = b.volume().blocks().here();
    c.expect(changed);
    assertEquals(before, b.volume().blocks().here());
    assertEquals(BLOCKS, c.volume().blocks().here());
  }

  @Test
  void hostsOfEveryNodeSeeTheSame() {
    a.write(0, Bytes.of(3, 10));
    b.write(BLOCK, Bytes.of(4, 10));
    byte[] expected = Bytes.with(Bytes.with(changed, 0, Bytes.of(3, 10)), BLOCK, Bytes.of(4, 10));
    a.expect(expected);
    b.expect(expected);
    c.expect(expected);
  }

  @Test
  void theMiddleIsNotReleasedWhileSomethingIsOnlyThere() {
    assertEquals(
        "1 of 32 blocks of volume v are not on node c yet", nodes.refusal(b.volume().release()));
    c.expect(changed);
  }

  @Test
  void theMiddleIsReleasedOnceTheOwnerHasWhatIsOnlyThere() {
    c.read(5 * BLOCK, 1);
    b.release();
    assertFalse(b.memory.state().hasStore());
    assertEquals("node:a", c.memory.state().source());
    nodes.wire.cut("b", "c");
    c.expect(changed);
    nodes.wire.mend("b", "c");
    b.expect(changed);
  }

  @Test
  void afterTheMiddleIsReleasedItsChangesCountAsTheOwnersOwn() {
    c.read(5 * BLOCK, 1);
    b.release();
    assertEquals(1, c.volume().blocks().dirty());
    c.stop();
    c.start();
    nodes.wire.forget();
    a.activate();
    a.expect(changed);
    assertEquals(BLOCK, nodes.wire.bytes(Op.FETCH));
  }

  @Test
  void theFirstIsNotReleasedWhileAnythingMayComeFromThere() {
    assertEquals(
        "32 blocks are not on node c yet; release its source first",
        nodes.refusal(a.volume().release()));
  }

  @Test
  void bothAreReleasedOnceTheOwnerHasAll() {
    c.expect(changed);
    b.release();
    a.release();
    assertNull(c.state().source());
    assertTrue(c.volume().isPlain());
    nodes.wire.forget();
    c.expect(changed);
    a.expect(changed);
    assertEquals(0, nodes.wire.bytes(Op.FETCH));
  }

  @Test
  void theFirstDoesNotTakeItBackPastTheMiddle() {
    assertEquals(
        "node c: what is not on node c yet comes from node b, and some of that from node a:"
            + " 'wherry volume release v' on node b first, once node c has what only node b has; or"
            + " return it by way of node b: 'wherry volume return v --to b' on node c",
        nodes.refusal(a.volume().activate(false)));
    assertEquals(Role.OWNER, c.state().role());
    assertEquals(Role.FORMER, a.state().role());
    assertFalse(a.state().wanted());
    c.expect(changed);
  }

  /** As the refusal says. */
  @Test
  void theFirstTakesItBackOnceTheMiddleIsReleased() {
    assertTrue(
        nodes.refusal(c.volume().giveTo("a")).contains("'wherry volume release v' on node b"));
    c.read(5 * BLOCK, 1);
    b.release();
    c.write(9 * BLOCK, Bytes.of(3, BLOCK));
    nodes.wire.forget();
    nodes.await(c.volume().giveTo("a"));
    assertEquals(Role.OWNER, a.state().role());
    a.expect(Bytes.with(changed, 9 * BLOCK, Bytes.of(3, BLOCK)));
    assertEquals(2 * BLOCK, nodes.wire.bytes(Op.FETCH), "what b and c changed, nothing else");
  }

  /** As the refusal says, too. */
  @Test
  void aReturnPastTheMiddleIsToldToGoByWayOfIt() {
    String why = nodes.refusal(c.volume().giveTo("a"));
    assertTrue(why.endsWith("'wherry volume return v --to b' on node c"), why);
    nodes.await(c.volume().giveTo("b"));
    why = nodes.refusal(b.volume().giveTo("a"));
    assertTrue(why.contains("'wherry volume release v' on node c first"), why);
    b.expect(changed);
    c.release();
    nodes.await(b.volume().giveTo("a"));
    a.expect(changed);
  }

  @Test
  void itGoesBackTheWayItCame() {
    c.write(9 * BLOCK, Bytes.of(3, BLOCK));
    byte[] expected = Bytes.with(changed, 9 * BLOCK, Bytes.of(3, BLOCK));
    b.activate();
    assertEquals("node:c", b.state().source());
    assertEquals("node:a", b.state().base());
    nodes.wire.forget();
    b.expect(expected);
    c.release();
    a.activate();
    a.expect(expected);
    assertEquals(4 + 1, a.state().epoch());
  }

  @Test
  void theFirstDoesNotTakeItFromTheMiddleThatMissesWhatTheLastHas() {
    c.write(9 * BLOCK, Bytes.of(3, BLOCK));
    b.activate();
    assertEquals(
        "node b: what is not on node b yet comes from node c, and some of that from node a:"
            + " 'wherry volume release v' on node c first, once node b has all of it",
        nodes.refusal(a.volume().activate(false)));
    assertEquals(Role.OWNER, b.state().role());
  }

  /** It would take it with blocks that come, by way of both others, from its part of before. */
  @Test
  void norDoesItAsAStandbyThatHasLostWhatTheMiddleMisses() {
    b.activate();
    assertEquals("node:a", b.state().base());
    a.stop();
    nodes.await(b.volume().members().leave("a"));
    a.disk.put(0, Bytes.of(666, SIZE));
    nodes.shareAgain(b, a);
    assertEquals(
        "node b: what is not here yet comes from node a",
        nodes.refusal(a.volume().activate(false)));
    assertEquals(Role.OWNER, b.state().role());
    assertEquals(Role.STANDBY, a.state().role());
  }

  @Test
  void whatTheOwnerNeverHadIsNotLookedForThereAfterTheReturn() {
    b.activate();
    assertEquals(1, b.volume().blocks().dirty(), "block 5 lies here alone");
    c.activate();
    c.expect(changed);
  }

  @Test
  void itIsAllThereAfterEveryNodeStartedAnew() {
    for (Nodes.Node n : new Nodes.Node[] {a, b, c}) {
      n.stop();
    }
    for (Nodes.Node n : new Nodes.Node[] {c, b, a}) {
      n.start();
    }
    nodes.pass(Duration.ofSeconds(5));
    c.expect(changed);
    a.expect(changed);
  }
}
