package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.Op;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** The operator says that the owner is stopped. It may come back. */
class ForcedTakeOverTest extends ForcedTakeOverNodes {
  @Test
  void theTakerOwnsItInAnEpochThatNoHandOverReaches() {
    force();
    assertEquals(Role.OWNER, b.memory.state().role());
    assertEquals(65_536, b.memory.state().epoch());
    b.write(0, Bytes.of(2, BLOCK));
    assertArrayEquals(Bytes.of(2, BLOCK), b.read(0, BLOCK));
  }

  @Test
  void whatWaitedForTheOldOwnerGoesOn() {
    nodes.wire.cut("a", "b");
    CompletableFuture<Void> write = b.volume().write(0, Bytes.lend(Bytes.of(2, BLOCK)), 0);
    nodes.pass(Duration.ofSeconds(1));
    nodes.await(b.volume().activate(true));
    nodes.await(write);
    assertArrayEquals(Bytes.of(2, BLOCK), b.read(0, BLOCK));
  }

  @Test
  void anOwnerThatCanBeAskedIsAsked() {
    nodes.await(b.volume().activate(true));
    assertEquals(2, b.state().epoch());
    assertEquals(Role.FORMER, a.state().role());
    assertNull(a.state().fence());
  }

  @Test
  void theOldOwnerIsFencedWhenItHearsOfIt() {
    force();
    nodes.mend(a, b);
    expectFenced();
    assertTrue(a.volume().fenced().join().contains("node b was made the owner in epoch 65536"));
  }

  /** It may not have asked, or not have been answered. */
  @Test
  void soIsOneThatDiedWhileTheTakerWasAskedToLeave() {
    nodes.await(a.volume().members().leaving("b"));
    a.crash();
    force();
    a.start();
    nodes.mend(a, b);
    expectFenced();
  }

  @Test
  void soIsOneThatHearsOfItWhileItStarts() {
    b.activate();
    b.write(0, Bytes.of(2, BLOCK));
    b.crash();
    nodes.await(a.volume().activate(true));
    nodes.wire.cut("a", "b");
    CompletableFuture<Void> flushed = new CompletableFuture<>();
    b.disk.flushesTake(() -> flushed);
    b.start();
    nodes.pass(Duration.ofSeconds(1));
    nodes.mend(a, b);
    nodes.pass(Duration.ofSeconds(1));
    b.disk.flushesTake(() -> CompletableFuture.completedFuture(null));
    flushed.complete(null);
    assertEquals(NbdError.EPERM, nodes.error(b.volume().read(0, 1)).error());
    assertNull(b.volume().failure());
    nodes.wire.cut("a", "b");
    nodes.await(b.volume().activate(true));
    assertArrayEquals(Bytes.of(2, BLOCK), b.read(0, BLOCK));
  }

  @Test
  void theOldOwnerStaysFencedWhenItStartsAnew() {
    force();
    nodes.mend(a, b);
    a.stop();
    a.start();
    expectFenced();
    assertTrue(nodes.refusal(a.volume().activate(false)).contains("is fenced"));
  }

  @Test
  void itsStoreIsKeptAndServesTheNewOwner() {
    a.write(7 * BLOCK, Bytes.of(3, BLOCK));
    force();
    a.write(8 * BLOCK, Bytes.of(4, BLOCK)); // nobody told it yet
    nodes.mend(a, b);
    byte[] kept = Bytes.with(content, 7 * BLOCK, Bytes.of(3, BLOCK));
    kept = Bytes.with(kept, 8 * BLOCK, Bytes.of(4, BLOCK));
    assertArrayEquals(kept, a.disk.content(0, SIZE));
    b.write(0, Bytes.of(2, BLOCK));
    b.expect(Bytes.with(kept, 0, Bytes.of(2, BLOCK)));
    assertArrayEquals(kept, a.disk.content(0, SIZE));
  }

  @Test
  void aFetchOfTheNewOwnerFencesTheOldOneFirst() {
    force();
    nodes.wire.mend("a", "b");
    b.read(0, BLOCK);
    expectFenced();
  }

  @Test
  void nothingIsTakenFromItsStoreBeforeWhatIsUnderWayThereHasEnded() {
    CompletableFuture<Void> disk = a.disk.holdWrites();
    CompletableFuture<Void> slow = a.volume().write(0, Bytes.lend(Bytes.of(4, BLOCK)), 0);
    force();
    nodes.wire.mend("a", "b");
    nodes.tell(b, a, "b", 65_536);
    CompletableFuture<ByteBuf> read = b.volume().read(0, BLOCK);
    nodes.pass(Duration.ofSeconds(1));
    assertFalse(read.isDone());
    disk.complete(null);
    nodes.await(slow);
    assertArrayEquals(Bytes.of(4, BLOCK), Bytes.take(nodes.await(read)));
    expectFenced();
  }

  @Test
  void aFetchOfTheNewOwnerTellsAFormerOwnerFirst() {
    Nodes.Node c = nodes.share(a, "c");
    b.activate();
    b.write(0, Bytes.of(2, BLOCK));
    nodes.pass(Duration.ofSeconds(1)); // until all have heard of it
    nodes.wire.cut("b", "c");
    nodes.wire.cut("a", "c");
    a.activate();
    nodes.wire.hold(Op.SYNC);
    nodes.await(c.volume().activate(true));
    nodes.wire.mend("b", "c");
    assertArrayEquals(Bytes.of(2, BLOCK), c.read(0, BLOCK));
    assertEquals(65_536, b.memory.state().epoch());
    assertEquals("c", b.memory.state().owner());
  }

  @Test
  void nothingIsTakenFromAFormerOwnerBeforeWhatTheLastOneWritesThereHasEnded() {
    Nodes.Node c = nodes.share(a, "c");
    nodes.wire.cut("b", "c");
    nodes.wire.cut("a", "c");
    b.activate();
    a.stop();
    a.batches = new Batches();
    a.start();
    nodes.await(b.volume().policies("pull", WritePolicy.THROUGH, List.of(), true));
    nodes.pass(Duration.ofSeconds(5));
    Lag lag = b.volume().lag();
    assertNotNull(lag);
    assertEquals(Lag.Mode.THROUGH, lag.mode());
    CompletableFuture<Void> disk = a.disk.holdWrites();
    CompletableFuture<Void> write = b.volume().write(0, Bytes.lend(Bytes.of(2, BLOCK)), 0);
    nodes.pass(Duration.ofSeconds(1));
    nodes.wire.hold(Op.SYNC);
    nodes.await(c.volume().activate(true));
    nodes.wire.mend("a", "c");
    CompletableFuture<ByteBuf> read = c.volume().read(0, BLOCK);
    nodes.pass(Duration.ofSeconds(1));
    assertEquals("c", a.memory.state().owner());
    assertFalse(read.isDone());
    a.disk.passWrites();
    disk.complete(null);
    assertArrayEquals(Bytes.of(2, BLOCK), Bytes.take(nodes.await(read)));
    nodes.await(write);
  }

  @Test
  void aFormerOwnerThatCannotRememberItGivesNothingAway() {
    Nodes.Node c = nodes.share(a, "c");
    b.activate();
    b.write(0, Bytes.of(2, BLOCK));
    nodes.pass(Duration.ofSeconds(1));
    nodes.wire.cut("b", "c");
    nodes.wire.cut("a", "c");
    a.activate();
    nodes.await(c.volume().activate(true));
    b.memory.fail(true);
    nodes.wire.mend("b", "c");
    assertEquals(NbdError.EIO, nodes.error(c.volume().read(0, BLOCK)).error());
    b.memory.fail(false);
    assertArrayEquals(Bytes.of(2, BLOCK), c.read(0, BLOCK));
    assertEquals(65_536, b.memory.state().epoch());
  }

  @Test
  void whoIsAskedThroughAnotherNodeHearsWhoOwnsIt() {
    Nodes.Node c = nodes.share(a, "c");
    nodes.wire.cut("a", "c");
    force();
    nodes.pass(Duration.ofSeconds(1));
    c.activate();
    assertEquals(65_537, c.state().epoch());
    nodes.wire.hold(Op.SYNC);
    nodes.wire.mend("a", "b");
    assertArrayEquals(Bytes.part(content, 0, BLOCK), c.read(0, BLOCK)); // by way of b
    String why = String.valueOf(a.memory.state().fence());
    assertTrue(why.contains("node c was made the owner in epoch 65537"), why);
    nodes.wire.pass(Op.SYNC);
    nodes.mend(a, c);
    assertNull(c.memory.state().fence());
    c.expect(content);
  }

  @Test
  void whoHearsOfItTwiceIsFencedOnce() {
    CompletableFuture<Void> disk = a.disk.holdWrites();
    CompletableFuture<Void> slow = a.volume().write(0, Bytes.lend(Bytes.of(4, BLOCK)), 0);
    force();
    nodes.wire.mend("a", "b");
    nodes.tell(b, a, "b", 65_536);
    nodes.tell(b, a, "b", 65_536);
    assertFalse(a.volume().fenced().isDone(), "a write is under way still");
    disk.complete(null);
    nodes.await(slow);
    nodes.await(a.volume().fenced());
    expectFenced();
  }

  @Test
  void anOldOwnerThatCannotRememberItServesNobody() {
    force();
    a.memory.fail(true);
    nodes.wire.mend("a", "b");
    assertEquals(NbdError.EIO, nodes.error(b.volume().read(0, BLOCK)).error());
    assertEquals(NbdError.EIO, nodes.error(a.volume().read(0, BLOCK)).error());
    a.memory.fail(false);
    a.stop();
    a.start();
    assertArrayEquals(Bytes.part(content, 0, BLOCK), b.read(0, BLOCK));
    expectFenced();
  }

  @Test
  void aStandbyThatAsksTheOldOwnerIsNotHandedAnything() {
    Nodes.Node c = nodes.share(a, "c");
    force();
    nodes.mend(a, b);
    assertEquals(
        Status.REFUSED,
        nodes.call(c, a, Nodes.request(Op.HANDOVER, 1).withPayload(Nodes.asked())).status());
    assertEquals(Role.STANDBY, c.state().role());
  }

  @Test
  void aSecondForcedTakeOverIsInTheEpochAfterThat() {
    Nodes.Node c = nodes.share(a, "c");
    force();
    nodes.tell(b, c, "b", 65_536);
    nodes.wire.cut("b", "c");
    nodes.await(c.volume().activate(true));
    assertEquals(131_072, c.state().epoch());
  }

  @Test
  void withoutForceNothingIsTaken() {
    nodes.wire.cut("a", "b");
    nodes.refusal(b.volume().activate(false));
    assertEquals(Role.STANDBY, b.state().role());
    assertFalse(b.state().wanted());
    a.expect(content);
  }

  @Test
  void whereItCannotBeRememberedHostsReachTheOwnerStill() {
    nodes.wire.cut("a", "b");
    b.memory.fail(true);
    nodes.refusal(b.volume().activate(true));
    b.memory.fail(false);
    nodes.mend(a, b);
    b.expect(content);
    b.write(0, Bytes.of(2, BLOCK));
    assertArrayEquals(Bytes.of(2, BLOCK), a.read(0, BLOCK));
  }
}
