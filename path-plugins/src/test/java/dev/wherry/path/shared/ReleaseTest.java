package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.BLOCKS;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.link.Op;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The end of a store that is not needed, the way back, and the end of a part. */
class ReleaseTest extends TwoNodes {
  private void open(String policy) {
    open(policy, true);
    b.activate();
    nodes.wire.forget();
  }

  @Test
  void whatTheOwnerHasNotGotIsNotReleased() {
    open("pull");
    b.read(0, BLOCK);
    assertEquals(
        "31 of 32 blocks of volume v are not on node b yet", nodes.refusal(a.volume().release()));
    assertTrue(a.memory.state().hasStore());
    b.expect(content);
  }

  /** It would be given the ownership, and have nothing to own with. */
  @Test
  void oneThatHasAskedForTheOwnershipAndGotNoAnswerKeepsItsStore() {
    open("pull");
    b.expect(content);
    nodes.wire.loseAnswer(Op.HANDOVER);
    nodes.refusal(a.volume().activate(false));
    assertTrue(nodes.refusal(a.volume().release()).contains("does not know yet"));
    nodes.mend(a, b);
    assertEquals(Role.OWNER, a.state().role());
    a.expect(content);
  }

  @Test
  void whenAllIsHereTheFormerOwnersStoreIsGivenUp() {
    open("pull");
    b.expect(content);
    long map = b.state().map();
    assertSame(a.disk, a.release());
    assertFalse(a.memory.state().hasStore());
    assertNull(b.memory.state().source());
    assertEquals(0, b.memory.state().map());
    assertFalse(b.memory.hasMap(map));
    assertTrue(b.volume().isPlain());
    a.disk.put(0, Bytes.of(666, SIZE));
    a.expect(content);
    b.stop();
    b.start();
    b.expect(content);
    assertArrayEquals(content, b.disk.content(0, SIZE));
  }

  @Test
  void whatReadsAsZeroesGoesOnToWithoutAMap() {
    open("pull");
    nodes.await(b.volume().trim(4 * BLOCK, 2 * BLOCK, 0));
    b.read(0, SIZE);
    a.release();
    b.expect(Bytes.with(content, 4 * BLOCK, new byte[2 * BLOCK]));
  }

  @Test
  void aSecondReleaseHasNothingToRelease() {
    open("pull");
    b.expect(content);
    a.release();
    assertTrue(nodes.refusal(a.volume().release()).contains("keeps nothing"));
    assertTrue(nodes.refusal(a.volume().activate(false)).contains("keeps nothing"));
  }

  @Test
  void ownersAndStandbysAreNotReleased() {
    open("pull");
    Nodes.Node c = nodes.share(b, "c");
    assertTrue(nodes.refusal(b.volume().release()).contains("is owned here"));
    assertTrue(nodes.refusal(c.volume().release()).contains("is a standby"));
  }

  @Test
  void aReleaseWhoseAnswerIsLostMayBeAskedForAgain() {
    open("pull");
    b.expect(content);
    nodes.wire.loseAnswer(Op.RELEASE);
    nodes.failure(a.volume().release());
    assertTrue(a.memory.state().hasStore());
    assertNull(b.state().source());
    a.release();
    assertFalse(a.memory.state().hasStore());
    b.expect(content);
  }

  @Test
  void theOwnerFailsIfItCannotFlushForARelease() {
    open("pull");
    b.expect(content);
    b.write(0, Bytes.of(2, 10));
    b.disk.failFlushes(true);
    assertTrue(nodes.refusal(a.volume().release()).contains("the disk is broken"));
    // As a disk that reports an error once, and has forgotten what it had.
    b.disk.failFlushes(false);
    assertEquals(NbdError.EIO, nodes.error(b.volume().flush()).error());
    assertEquals(1, b.state().losses());
    assertTrue(a.memory.state().hasStore());
    assertEquals("node:a", b.memory.state().source());
  }

  @Test
  void underFailWhatIsNotHereMayBeReleasedAndIsGone() {
    open("fail");
    b.write(0, Bytes.of(2, BLOCK));
    a.release();
    assertArrayEquals(Bytes.of(2, BLOCK), b.read(0, BLOCK));
    assertEquals(NbdError.EIO, nodes.error(b.volume().read(BLOCK, 1)).error());
    b.stop();
    b.start();
    assertEquals(NbdError.EIO, nodes.error(b.volume().read(BLOCK, 1)).error());
  }

  @Test
  void underFailTheFormerOwnersHostsReadTheirOwnStore() {
    open("fail");
    b.write(3 * BLOCK, Bytes.of(2, BLOCK));
    a.expect(Bytes.with(content, 3 * BLOCK, Bytes.of(2, BLOCK)));
    assertEquals(NbdError.EIO, nodes.error(b.volume().read(0, 1)).error());
  }

  /** Node {@code c} owns what {@code b} had under {@code fail} when {@code a} was released. */
  private Nodes.Node goneWith() {
    open("fail");
    b.write(0, Bytes.of(2, BLOCK));
    a.release();
    Nodes.Node c = nodes.share(b, "c");
    c.activate();
    return c;
  }

  private void fetch(Nodes.Node owner) {
    nodes.await(owner.volume().policies("pull", WritePolicy.LOCAL, List.of(), true));
  }

  /** It could be before the hand-over, at a node that had no source to ask. */
  @Test
  void aPartOfABlockThatIsGoneCanBeWrittenAlsoByTheNextOwnerAndUnderAnotherPolicy() {
    Nodes.Node c = goneWith();
    fetch(c);
    assertEquals(NbdError.EIO, nodes.error(c.volume().read(BLOCK, 1)).error());
    c.write(BLOCK + 5000, Bytes.of(3, 100));
    byte[] made = Bytes.with(new byte[BLOCK], 5000, Bytes.of(3, 100));
    assertArrayEquals(made, c.read(BLOCK, BLOCK));
    assertArrayEquals(made, b.read(BLOCK, BLOCK));
    assertArrayEquals(Bytes.of(2, BLOCK), c.read(0, BLOCK));
    assertEquals(NbdError.EIO, nodes.error(c.volume().read(2 * BLOCK, 1)).error());
  }

  @Test
  void soItCanByAnOwnerThatHearsByWayOfAnotherNodeThatItIsGone() {
    Nodes.Node c = goneWith();
    a.stop();
    nodes.shareAgain(c, a);
    a.activate();
    fetch(a);
    a.write(BLOCK + 5000, Bytes.of(3, 100));
    a.write(100, Bytes.of(4, 100));
    byte[] made = Bytes.with(new byte[BLOCK], 5000, Bytes.of(3, 100));
    assertArrayEquals(made, a.read(BLOCK, BLOCK));
    assertArrayEquals(Bytes.with(Bytes.of(2, BLOCK), 100, Bytes.of(4, 100)), a.read(0, BLOCK));
  }

  @Test
  void whatIsGoneIsNotReadAsZeroesFromTheStoreOfTheFormerOwner() {
    goneWith();
    assertArrayEquals(Bytes.of(2, BLOCK), b.read(0, BLOCK));
    assertEquals(NbdError.EIO, nodes.error(b.volume().read(BLOCK, 1)).error());
  }

  // ------------------------------------------------------------------ return

  @Test
  void returnBringsOnlyWhatChanged() {
    open("pull");
    b.read(0, 8 * BLOCK);
    b.write(3 * BLOCK, Bytes.of(2, BLOCK));
    b.write(20 * BLOCK + 5, Bytes.of(3, 10));
    nodes.wire.forget();
    a.activate();
    assertEquals("node:b", a.state().source());
    assertEquals(BLOCKS - 2, a.volume().blocks().here());
    byte[] expected = Bytes.with(content, 3 * BLOCK, Bytes.of(2, BLOCK));
    a.expect(Bytes.with(expected, 20 * BLOCK + 5, Bytes.of(3, 10)));
    assertEquals(2 * BLOCK, nodes.wire.bytes(Op.FETCH));
    assertEquals(Role.FORMER, b.state().role());
  }

  @Test
  void whatWasTrimmedComesBackAsZeroes() {
    open("pull");
    nodes.await(b.volume().trim(3 * BLOCK, BLOCK, 0));
    a.activate();
    a.expect(Bytes.with(content, 3 * BLOCK, new byte[BLOCK]));
  }

  @Test
  void itMayGoToAndFroAsOftenAsOneLikes() {
    open("pull");
    byte[] expected = content;
    for (int i = 0; i < 4; i++) {
      Nodes.Node owner = i % 2 == 0 ? b : a;
      Nodes.Node next = i % 2 == 0 ? a : b;
      owner.write(i * 3 * BLOCK + 100, Bytes.of(50 + i, BLOCK));
      expected = Bytes.with(expected, i * 3 * BLOCK + 100, Bytes.of(50 + i, BLOCK));
      nodes.await(owner.volume().giveTo(next.name));
      assertEquals(3 + i, next.state().epoch());
      a.expect(expected);
      b.expect(expected);
    }
  }

  @Test
  void aReturnThatIsRefusedLeavesNoMapBehind() {
    open("pull");
    b.memory.fail(true);
    nodes.refusal(a.volume().activate(false));
    assertFalse(a.memory.hasMap(3));
    b.memory.fail(false);
    a.activate();
    a.expect(content);
  }

  @Test
  void whenTheReturnIsCompleteTheOtherStoreIsReleased() {
    open("pull");
    b.write(3 * BLOCK, Bytes.of(2, BLOCK));
    a.activate();
    a.read(0, SIZE);
    b.release();
    assertTrue(a.volume().isPlain());
    a.expect(Bytes.with(content, 3 * BLOCK, Bytes.of(2, BLOCK)));
  }

  // ------------------------------------------------------------------ members

  @Test
  void aStandbyThatLeftIsServedNothing() {
    open("pull");
    Nodes.Node c = nodes.share(b, "c");
    c.expect(content);
    nodes.await(b.volume().members().leave("c"));
    assertEquals(List.of("a"), b.memory.state().members());
    nodes.error(c.volume().read(0, 1));
    assertTrue(nodes.refusal(c.volume().activate(false)).contains("has no part in volume v"));
  }

  @Test
  void onlyTheOwnerSaysWhoIsAMember() {
    open("pull");
    assertTrue(
        nodes.refusal(a.volume().members().join("c")).contains("node b owns volume v, not a"));
    assertTrue(
        nodes.refusal(a.volume().members().leave("b")).contains("node b owns volume v, not a"));
  }

  /**
   * Node {@code c} owns it and has all; its source is {@code b}, the source of which is {@code a}.
   */
  private Nodes.Node chain() {
    open("pull");
    Nodes.Node c = nodes.share(b, "c");
    c.activate();
    c.expect(content);
    nodes.pass(Duration.ofSeconds(1)); // a hears of it
    return c;
  }

  @Test
  void whatOnlyTheOwnerHasAfterItSurvivesALossOfPower() {
    Nodes.Node c = chain();
    a.release();
    c.losePower();
    c.start();
    c.expect(content);
  }

  @Test
  void anOwnerThatCannotMakeDurableThatItHasAllReleasesNobodyFurtherBack() {
    Nodes.Node c = chain();
    c.disk.failFlushes(true);
    assertTrue(nodes.refusal(a.volume().release()).contains("the disk is broken"));
    assertTrue(a.memory.state().hasStore());
    c.disk.failFlushes(false);
    assertEquals(1, c.state().losses());
  }
}
