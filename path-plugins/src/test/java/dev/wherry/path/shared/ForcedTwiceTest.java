package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.link.Op;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Two standbys that do not know of each other, and an owner that is lost. */
class ForcedTwiceTest extends TwoNodes {
  private Nodes.Node c;

  @BeforeEach
  void open() {
    open("pull", true);
    c = nodes.share(a, "c");
    a.crash();
  }

  private void bTakesUnheard() {
    nodes.wire.cut("b", "c");
    nodes.await(b.volume().activate(true));
    assertEquals("a", c.state().owner());
  }

  /** Both are the owner of one epoch, and both have answered writes. */
  private void bothTake() {
    bTakesUnheard();
    nodes.await(c.volume().activate(true));
    assertEquals(b.state().epoch(), c.state().epoch());
    b.write(0, Bytes.of(7, BLOCK));
    c.write(0, Bytes.of(8, BLOCK));
  }

  private void expectFenced() {
    assertEquals(Role.OWNER, b.memory.state().role());
    assertNull(b.memory.state().fence());
    String why = String.valueOf(c.memory.state().fence());
    assertTrue(why.contains("node b was made the owner in epoch 65536"), why);
    assertTrue(why.contains("so was this node, c,"), why);
    assertEquals(NbdError.EPERM, nodes.error(c.volume().read(0, 1)).error());
    assertArrayEquals(Bytes.of(7, BLOCK), b.read(0, BLOCK));
    assertArrayEquals(Bytes.of(8, BLOCK), c.disk.content(0, BLOCK));
  }

  @Test
  void theOtherStandbyHearsOfItAtOnce() {
    nodes.await(b.volume().activate(true));
    nodes.pass(Duration.ofSeconds(1));
    assertEquals("b", c.memory.state().owner());
    assertEquals(65_536, c.memory.state().epoch());
    assertEquals(List.of("a", "c"), b.memory.state().members());
  }

  @Test
  void theOtherStandbysHostsGoOnWithTheNewOwner() {
    nodes.await(b.volume().activate(true));
    b.write(0, Bytes.of(7, BLOCK));
    nodes.pass(Duration.ofSeconds(1));
    assertArrayEquals(Bytes.of(7, BLOCK), c.read(0, BLOCK));
    c.write(BLOCK, Bytes.of(8, BLOCK));
    assertArrayEquals(Bytes.of(8, BLOCK), b.read(BLOCK, BLOCK));
  }

  @Test
  void theOtherStandbyHearsOfItWhenTheyMeet() {
    bTakesUnheard();
    nodes.mend(b, c);
    assertEquals("b", c.memory.state().owner());
    assertEquals(List.of("a", "c"), b.memory.state().members());
  }

  @Test
  void theOtherStandbyMayTakeItFromTheNewOwner() {
    nodes.await(b.volume().activate(true));
    nodes.pass(Duration.ofSeconds(1));
    b.write(0, Bytes.of(7, BLOCK));
    c.activate();
    assertEquals(65_537, c.memory.state().epoch());
    assertEquals(Role.FORMER, b.memory.state().role());
    assertArrayEquals(Bytes.of(7, BLOCK), c.read(0, BLOCK));
  }

  @Test
  void nothingIsTakenByForceFromAnOwnerThatIsHeardOfOnlyThen() {
    bTakesUnheard();
    nodes.wire.mend("b", "c");
    String why = nodes.refusal(c.volume().activate(true));
    assertTrue(why.contains("node b owns it by now, epoch 65536"), why);
    assertEquals(Role.STANDBY, c.memory.state().role());
    assertEquals("b", c.memory.state().owner());
    c.activate();
    assertEquals(Role.OWNER, c.memory.state().role());
  }

  @Test
  void ofTwoOwnersOfOneEpochTheSecondByNameIsFencedWhenTheyMeet() {
    bothTake();
    nodes.mend(b, c);
    expectFenced();
  }

  @Test
  void itIsWhoeverTellsTheOther() {
    bothTake();
    nodes.wire.mend("b", "c");
    c.volume().up("b");
    nodes.pass(Duration.ofSeconds(5));
    expectFenced();
  }

  @Test
  void itStaysFencedWhenItStartsAnew() {
    bothTake();
    nodes.wire.mend("b", "c");
    b.volume().up("c");
    nodes.pass(Duration.ofSeconds(5));
    c.stop();
    c.start();
    expectFenced();
  }

  @Test
  void theOldOwnerTellsThemOfEachOther() {
    bothTake();
    a.start();
    nodes.mend(a, b);
    nodes.mend(a, c);
    expectFenced();
  }

  @Test
  void whoIsFencedMayTakeItBackInALaterEpoch() {
    bothTake();
    nodes.mend(b, c);
    b.stop();
    nodes.wire.cut("b", "c");
    nodes.await(c.volume().activate(true));
    assertEquals(131_072, c.memory.state().epoch());
    assertArrayEquals(Bytes.of(8, BLOCK), c.read(0, BLOCK));
  }

  @Test
  void aNodeWhosePartIsTakenBackIsNoMemberAgainByItself() {
    nodes.await(b.volume().activate(true));
    nodes.pass(Duration.ofSeconds(1));
    nodes.await(b.volume().members().leave("c"));
    nodes.mend(b, c);
    assertEquals(List.of("a"), b.memory.state().members());
  }

  @Test
  void anotherVolumeOfTheSameNameIsNotBelieved() {
    String other = "c\nc\nd";
    nodes.call(
        c,
        b,
        Nodes.request(Op.SYNC, 99).withPayload(Bytes.lend(other.getBytes(StandardCharsets.UTF_8))));
    nodes.pass(Duration.ofSeconds(1));
    assertEquals("a", b.memory.state().owner());
    assertEquals(1, b.memory.state().epoch());
  }
}
