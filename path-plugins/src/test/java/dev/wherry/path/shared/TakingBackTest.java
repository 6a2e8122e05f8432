package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.BLOCKS;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.Op;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Node a was taken over by node b, by force, and is fenced; then b is lost. */
class TakingBackTest extends TwoNodes {
  private static final long BACK = 131_072;

  @BeforeEach
  void open() {
    open("pull", true);
  }

  /** Node {@code next} takes the ownership by force, {@code old} hears of it, and next is gone. */
  private void usurp(Nodes.Node old, Nodes.Node next) {
    nodes.wire.cut(old.name, next.name);
    nodes.await(next.volume().activate(true));
    nodes.mend(old, next);
    assertNotNull(old.state().fence());
    nodes.wire.cut(old.name, next.name);
  }

  private void takeBack(Nodes.Node node) {
    nodes.await(node.volume().activate(true));
    assertEquals(Role.OWNER, node.memory.state().role());
    assertNull(node.memory.state().fence());
    assertNull(node.memory.state().successor());
    nodes.pass(Duration.ofSeconds(1)); // others hear of it
  }

  @Test
  void withoutForceItIsRefusedAndSaysWhatIsAtStake() {
    usurp(a, b);
    String why = nodes.refusal(a.volume().activate(false));
    for (String part :
        new String[] {
          "is fenced: node b was made the owner in epoch 65536",
          "up to " + BLOCKS + " blocks (" + SIZE + " bytes) may be nowhere else",
          "If node b is lost for good, --force --yes takes the ownership back",
          "what hosts have written since this node was fenced is given up"
        }) {
      assertTrue(why.contains(part), () -> part + " in " + why);
    }
    assertNotNull(a.memory.state().fence());
    assertEquals(NbdError.EPERM, nodes.error(a.volume().read(0, 1)).error());
  }

  @Test
  void hostsAreServedAgainWithWhatTheyHadHere() {
    a.write(0, Bytes.of(2, BLOCK));
    usurp(a, b);
    b.write(BLOCK, Bytes.of(3, BLOCK));
    assertEquals(NbdError.EPERM, nodes.error(a.volume().flush()).error());
    takeBack(a);
    assertEquals(BACK, a.memory.state().epoch());
    a.expect(Bytes.with(content, 0, Bytes.of(2, BLOCK)));
    a.write(2 * BLOCK, Bytes.of(4, BLOCK));
    nodes.await(a.volume().flush());
    assertNull(a.volume().divergence());
  }

  @Test
  void aSuccessorThatComesBackAllTheSameIsFenced() {
    usurp(a, b);
    takeBack(a);
    nodes.mend(a, b);
    assertEquals(NbdError.EPERM, nodes.error(b.volume().read(0, 1)).error());
    assertEquals(
        new Successor("a", BACK, Successor.Source.TAKEN_OVER), b.memory.state().successor());
    a.write(0, Bytes.of(2, BLOCK));
    a.expect(Bytes.with(content, 0, Bytes.of(2, BLOCK)));
  }

  @Test
  void whoTookBackCanBeFencedOnceMore() {
    usurp(a, b);
    takeBack(a);
    nodes.mend(a, b);
    nodes.wire.cut("a", "b");
    takeBack(b);
    assertEquals(3 * 65_536, b.state().epoch());
    nodes.mend(a, b);
    assertEquals(NbdError.EPERM, nodes.error(a.volume().read(0, 1)).error());
    assertTrue(a.volume().fenced().join().contains("node b was made the owner in epoch 196608"));
    assertEquals("b", a.memory.state().successor().node());
  }

  @Test
  void nothingIsTakenFromASuccessorThatCanBeReached() {
    usurp(a, b);
    nodes.mend(a, b);
    String why = nodes.refusal(a.volume().activate(true));
    assertTrue(why.contains("node b owns volume v in epoch 65536 and can be reached"), why);
    assertNotNull(a.memory.state().fence());
    b.write(0, Bytes.of(2, BLOCK));
  }

  @Test
  void aCommitThatFailsLeavesItFencedAndItIsTriedAgain() {
    usurp(a, b);
    a.memory.fail(true);
    nodes.refusal(a.volume().activate(true));
    a.memory.fail(false);
    assertNotNull(a.state().fence());
    assertEquals(NbdError.EPERM, nodes.error(a.volume().read(0, 1)).error());
    takeBack(a);
    a.expect(content);
  }

  @Test
  void itStaysTheOwnerAfterACrash() {
    usurp(a, b);
    takeBack(a);
    a.write(0, Bytes.of(2, BLOCK));
    a.crash();
    a.start();
    a.expect(Bytes.with(content, 0, Bytes.of(2, BLOCK)));
    nodes.mend(a, b);
    assertEquals(NbdError.EPERM, nodes.error(b.volume().read(0, 1)).error());
  }

  // ------------------------------------------------------------------ the epoch

  @Test
  void theEpochIsAboveAllThatItHeardOfWhileItWasFenced() {
    usurp(a, b);
    nodes.wire.mend("a", "b");
    nodes.tell(b, a, "c", 131_073);
    nodes.wire.cut("a", "b");
    a.stop();
    a.start();
    assertEquals(
        new Successor("c", 131_073, Successor.Source.UNTOUCHED), a.memory.state().successor());
    takeBack(a);
    assertEquals(196_608, a.state().epoch());
  }

  @Test
  void itIsAboveAllThatOthersHaveHeardOf() {
    Nodes.Node c = nodes.share(a, "c");
    usurp(a, b);
    nodes.tell(b, c, "b", 131_072);
    nodes.wire.cut("b", "c");
    takeBack(a);
    assertEquals(196_608, a.state().epoch());
    assertEquals("a", c.state().owner());
  }

  @Test
  void aFenceOfAnEarlierProgramNamesItsSuccessorInItsReasonAlone() {
    usurp(a, b);
    ShareState s = a.memory.state();
    a.stop();
    a.memory
        .put(
            new ShareState(
                s.role(),
                s.owner(),
                s.epoch(),
                s.members(),
                s.read(),
                s.write(),
                s.ranges(),
                s.manual(),
                s.hasStore(),
                s.wanted(),
                s.source(),
                s.base(),
                s.map(),
                s.fence(),
                s.losses(),
                s.boot(),
                s.pledge(),
                s.outdated(),
                null))
        .join();
    a.start();
    assertEquals(s, a.memory.state());
    takeBack(a);
    assertEquals(BACK, a.state().epoch());
  }

  // ------------------------------------------------------------------ a third node

  @Test
  void aFlushOfWhatWasWrittenAtTheLostSuccessorFailsOnce() {
    Nodes.Node c = nodes.share(a, "c");
    usurp(a, b);
    nodes.await(b.volume().members().join("c"));
    nodes.tell(b, c, "b", 65_536);
    c.write(0, Bytes.of(2, BLOCK));
    nodes.wire.cut("b", "c");
    takeBack(a);
    NbdException told = nodes.error(c.volume().flush());
    assertEquals(NbdError.EIO, told.error());
    assertTrue(String.valueOf(told.getMessage()).contains("replaced by force"), told::toString);
    nodes.await(c.volume().flush());
    assertArrayEquals(Bytes.part(content, 0, BLOCK), c.read(0, BLOCK));
  }

  @Test
  void whatAStandbyWasSentAheadByTheSuccessorIsNotServed() throws IOException {
    nodes.close();
    nodes = new Nodes(Files.createDirectory(directory.resolve("moving")), "move", true);
    a = nodes.owner("a", content);
    b = nodes.share(a, "b");
    Nodes.Node c = nodes.share(a, "c");
    nodes.pass(Duration.ofSeconds(30)); // what a sends ahead
    usurp(a, b);
    nodes.await(b.volume().members().join("c"));
    b.write(0, Bytes.of(2, SIZE));
    nodes.tell(b, c, "b", 65_536);
    nodes.pass(Duration.ofSeconds(30)); // what b sends ahead
    assertArrayEquals(Bytes.of(2, SIZE), c.disk.content(0, SIZE));
    nodes.wire.cut("b", "c");
    takeBack(a);
    c.expect(content);
    c.activate();
    assertEquals(BACK + 1, c.state().epoch());
    c.expect(content);
  }

  // ------------------------------------------------------------------ its source

  @Test
  void itsSourceIsWhatItWas() {
    b.activate();
    Nodes.Node c = nodes.share(b, "c");
    usurp(b, c);
    takeBack(b);
    assertEquals("node:a", b.memory.state().source());
    b.expect(content);
  }

  @Test
  void aSourceThatHasOwnedTheVolumeSinceIsNone() {
    b.activate();
    b.write(0, Bytes.of(2, BLOCK));
    usurp(b, a);
    String why = nodes.refusal(b.volume().activate(false));
    assertTrue(why.contains("and so are " + (BLOCKS - 1) + " blocks that are not here"), why);
    a.write(0, Bytes.of(3, SIZE));
    takeBack(b);
    assertNull(b.memory.state().source());
    nodes.mend(a, b);
    assertArrayEquals(Bytes.of(2, BLOCK), b.read(0, BLOCK));
    assertEquals(NbdError.EIO, nodes.error(b.volume().read(BLOCK, BLOCK)).error());
    assertTrue(nodes.refusal(b.volume().release()).contains("are not on node b yet"));
    b.write(0, Bytes.of(4, SIZE));
    b.release();
    assertEquals(0, b.memory.state().map());
    b.expect(Bytes.of(4, SIZE));
  }

  @Test
  void anOldSourceThatGetsTheOwnershipBackLaterGetsItWithAllBlocks() {
    Nodes.Node c = nodes.share(a, "c");
    b.activate();
    b.expect(content);
    usurp(b, a);
    a.write(0, Bytes.of(3, SIZE));
    nodes.tell(a, c, "a", 65_536);
    c.activate();
    assertEquals(Role.FORMER, a.state().role());
    nodes.wire.cut("b", "c");
    takeBack(b);
    nodes.mend(a, b);
    assertEquals("b", a.state().owner());
    a.activate();
    assertEquals(BACK + 1, a.state().epoch());
    a.expect(content);
  }

  // ------------------------------------------------------------------ what only it has

  @Test
  void whereItsSourceWasTakenOverOnlyWhatDiffersFromThatIsCounted() {
    b.activate();
    b.read(5 * BLOCK, 2 * BLOCK);
    b.write(0, Bytes.of(2, 3 * BLOCK));
    nodes.await(b.volume().zero(9 * BLOCK, BLOCK, 0));
    usurp(b, a);
    assertEquals(new Divergence(4, 4 * BLOCK), b.volume().divergence());
    b.reboot();
    assertEquals(new Divergence(4, 4 * BLOCK), b.volume().divergence());
  }

  @Test
  void whereTheSuccessorMissesBlocksAllThatIsHereIsCounted() {
    b.activate();
    Nodes.Node c = nodes.share(b, "c");
    c.activate();
    c.expect(content);
    nodes.pass(Duration.ofSeconds(1));
    a.release();
    nodes.wire.cut("b", "c");
    nodes.wire.cut("a", "c");
    String asked = nodes.refusal(b.volume().activate(false));
    assertTrue(asked.contains("node c cannot be reached; here, " + BLOCKS + " of "), asked);
    nodes.await(b.volume().activate(true));
    String without = String.valueOf(b.volume().without());
    assertTrue(without.contains(BLOCKS + " of " + BLOCKS + " blocks are not here"), without);
    assertTrue(without.contains("node a, and lost if they are not there any more"), without);
    nodes.mend(b, c);
    assertEquals(new Divergence(BLOCKS, SIZE), c.volume().divergence());
    c.reboot();
    assertEquals(new Divergence(BLOCKS, SIZE), c.volume().divergence());
  }

  @Test
  void whoHasAllDoesWithoutNothing() {
    b.activate();
    usurp(b, a);
    assertNull(a.volume().without());
    assertNull(b.volume().without());
  }

  @Test
  void elseAllThatHoldsDataHereIsCounted() {
    b.activate();
    Nodes.Node c = nodes.share(b, "c");
    b.read(5 * BLOCK, 2 * BLOCK);
    b.write(0, Bytes.of(2, 3 * BLOCK));
    nodes.await(b.volume().zero(9 * BLOCK, BLOCK, 0));
    nodes.await(b.volume().flush());
    usurp(b, c);
    assertEquals(new Divergence(5, 5 * BLOCK), b.volume().divergence());
    b.reboot();
    assertEquals(new Divergence(5, 5 * BLOCK), b.volume().divergence());
  }

  @Test
  void aSourceThatWasMadeAnewHasNothingOfWhatIsHere() {
    b.activate();
    b.read(5 * BLOCK, 2 * BLOCK);
    b.write(0, Bytes.of(2, 3 * BLOCK));
    nodes.await(b.volume().flush());
    a.stop();
    nodes.await(b.volume().members().gone("a"));
    nodes.shareAgain(b, a);
    usurp(b, a);
    assertEquals("node:a", b.state().source());
    assertEquals(new Divergence(5, 5 * BLOCK), b.volume().divergence());
  }

  @Test
  void whoIsNotFencedHasNothingToCount() {
    assertNull(a.volume().divergence());
    assertNull(b.volume().divergence());
  }

  @Test
  void theBackgroundBringsNothingMoreToAFencedNode() throws IOException {
    nodes.close();
    nodes = new Nodes(Files.createDirectory(directory.resolve("moving")), "move", true);
    a = nodes.owner("a", content);
    b = nodes.share(a, "b");
    nodes.wire.hold(Op.FETCH);
    nodes.wire.hold(Op.PRECOPY);
    b.activate();
    Nodes.Node c = nodes.share(b, "c");
    usurp(b, c);
    nodes.wire.pass(Op.FETCH);
    nodes.pass(Duration.ofSeconds(60));
    Divergence found = b.volume().divergence();
    nodes.pass(Duration.ofSeconds(60));
    assertEquals(found, b.volume().divergence());
    assertNull(b.volume().move());
    b.stop();
    b.start();
    nodes.pass(Duration.ofSeconds(60));
    assertNull(b.volume().move());
    takeBack(b);
    nodes.pass(Duration.ofSeconds(60));
    assertEquals(BLOCKS, b.volume().blocks().here());
    b.expect(content);
  }
}
