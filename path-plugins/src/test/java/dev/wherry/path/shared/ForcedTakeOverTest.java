package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.Op;
import io.netty.buffer.ByteBuf;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The operator says that the owner is stopped. It may come back. */
class ForcedTakeOverTest extends TwoNodes {
  @BeforeEach
  void open() {
    open("pull", true);
  }

  /** The same nodes, with another policy. */
  private void under(String policy) {
    nodes.close();
    Path other = assertDoesNotThrow(() -> Files.createDirectory(directory.resolve(policy)));
    nodes = new Nodes(other, policy, true);
    a = nodes.owner("a", content);
    b = nodes.share(a, "b");
  }

  private void force() {
    nodes.wire.cut("a", "b");
    nodes.await(b.volume().activate(true));
  }

  private void expectFenced() {
    assertEquals(NbdError.EPERM, nodes.error(a.volume().read(0, 1)).error());
    assertEquals(
        NbdError.EPERM, nodes.error(a.volume().write(0, Bytes.lend(new byte[1]), 0)).error());
    assertEquals(NbdError.EPERM, nodes.error(a.volume().flush()).error());
    assertNotNull(a.memory.state().fence());
    assertTrue(a.volume().fenced().isDone() || a.state().fence() != null);
  }

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

  // ------------------------------------------------------------------ while the owner is asked

  private void forceWithin(Duration limit) {
    long began = nodes.time.now();
    force();
    assertTrue(
        nodes.time.now() - began < limit.toNanos(),
        () -> "it took " + Duration.ofNanos(nodes.time.now() - began));
    assertEquals(Role.OWNER, b.memory.state().role());
    assertEquals(65_536, b.memory.state().epoch());
  }

  private void forceAtOnce() {
    forceWithin(Duration.ofSeconds(1));
  }

  private void forceWhileItWaitsFor(Op op, Duration limit) {
    nodes.wire.hold(op);
    CompletableFuture<Void> asked = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    CompletableFuture<Void> write = b.volume().write(0, Bytes.lend(Bytes.of(2, BLOCK)), 0);
    forceWithin(limit);
    nodes.refusal(asked);
    nodes.await(write);
    a.write(BLOCK, Bytes.of(3, BLOCK)); // nobody told it yet
    nodes.wire.pass(op);
    nodes.mend(a, b);
    expectFenced();
  }

  @Test
  void itDoesNotWaitForATakeThatWaitsForPrepare() {
    forceWhileItWaitsFor(Op.PREPARE, Duration.ofSeconds(1));
  }

  @Test
  void itDoesNotWaitForATakeThatWaitsForWhatTheOwnerHas() {
    forceWhileItWaitsFor(Op.DIFFERENCES, Duration.ofSeconds(1));
  }

  @Test
  void itDoesNotWaitForATakeThatWaitsForThePledge() {
    forceWhileItWaitsFor(Op.PLEDGE, Duration.ofSeconds(1));
  }

  @Test
  void itWaitsUntilTheOwnerCannotHearAnyMoreThatItWasAsked() {
    forceWhileItWaitsFor(Op.HANDOVER, Nodes.IO_TIMEOUT);
  }

  @Test
  void anAnswerThatComesAfterItGivesNothingMore() {
    a.write(0, Bytes.of(2, BLOCK));
    nodes.wire.holdAnswers(Op.HANDOVER);
    CompletableFuture<Void> asked = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    assertEquals(Role.FORMER, a.state().role());
    forceWithin(Nodes.IO_TIMEOUT);
    nodes.refusal(asked);
    b.write(BLOCK, Bytes.of(3, BLOCK));
    nodes.wire.passAnswers();
    nodes.mend(a, b);
    assertEquals(65_536, a.state().epoch());
    assertFalse(b.memory.state().wanted());
    byte[] all = Bytes.with(content, 0, Bytes.of(2, BLOCK));
    b.expect(Bytes.with(all, BLOCK, Bytes.of(3, BLOCK)));
  }

  @Test
  void anOwnerThatCannotBeReachedIsNotAskedAgainBeforeItCan() {
    nodes.wire.loseAnswer(Op.HANDOVER);
    CompletableFuture<Void> asked = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    nodes.wire.cut("a", "b");
    nodes.refusal(asked);
    assertTrue(b.memory.state().wanted());
    b.crash();
    b.start();
    nodes.wire.forget();
    nodes.pass(Duration.ofMinutes(5));
    assertEquals(0, nodes.wire.sent(Op.PREPARE).size());
    nodes.mend(a, b);
    assertEquals(Role.OWNER, b.memory.state().role());
    assertEquals(2, b.memory.state().epoch());
  }

  @Test
  void whoWantedTheOwnershipBeforeAStartTakesItByForceAtOnce() {
    nodes.wire.loseAnswer(Op.HANDOVER);
    CompletableFuture<Void> asked = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    nodes.wire.cut("a", "b");
    nodes.refusal(asked);
    b.crash();
    b.start();
    nodes.pass(Duration.ofSeconds(5));
    forceAtOnce();
  }

  // ------------------------------------------------------------------ what may have been done

  /** The owner has done what a host of b asked for, and b does not know. */
  private CompletableFuture<Void> doneUnheard() {
    nodes.wire.holdAnswers(Op.WRITE);
    CompletableFuture<Void> write = b.volume().write(0, Bytes.lend(Bytes.of(2, BLOCK)), 0);
    nodes.pass(Duration.ofSeconds(1));
    assertArrayEquals(Bytes.of(2, BLOCK), a.read(0, BLOCK));
    a.write(0, Bytes.of(3, BLOCK));
    return write;
  }

  @Test
  void aChangeThatTheOwnerMayHaveDoneIsNotMadeAgain() {
    CompletableFuture<Void> write = doneUnheard();
    force();
    NbdException why = nodes.error(write);
    assertEquals(NbdError.EIO, why.error());
    nodes.mend(a, b);
    assertArrayEquals(Bytes.of(3, BLOCK), b.read(0, BLOCK));
    nodes.wire.passAnswers();
    nodes.pass(Duration.ofSeconds(5));
    assertArrayEquals(Bytes.of(3, BLOCK), b.read(0, BLOCK));
  }

  @Test
  void aChangeThatTheOwnerHasDoneIsNotMadeAgainWhereItAnswersAfterAll() {
    CompletableFuture<Void> write = doneUnheard();
    CompletableFuture<Void> asked = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1)); // it waits for the write
    nodes.wire.cut("a", "b");
    CompletableFuture<Void> forced = b.volume().activate(true);
    nodes.pass(Duration.ofSeconds(1));
    nodes.mend(a, b);
    nodes.await(asked);
    nodes.await(forced);
    assertEquals(2, b.memory.state().epoch());
    assertFalse(write.isDone(), "its answer is on its way");
    assertArrayEquals(Bytes.of(3, BLOCK), b.read(0, BLOCK));
    b.write(0, Bytes.of(4, BLOCK));
    nodes.wire.passAnswers();
    nodes.await(write);
    assertArrayEquals(Bytes.of(4, BLOCK), b.read(0, BLOCK));
  }

  @Test
  void aReadThatTheOwnerMayHaveAnsweredIsMadeAgain() {
    a.write(0, Bytes.of(3, BLOCK));
    nodes.wire.holdAnswers(Op.READ);
    CompletableFuture<ByteBuf> read = b.volume().read(0, BLOCK);
    nodes.pass(Duration.ofSeconds(1));
    force();
    nodes.wire.mend("a", "b");
    assertArrayEquals(Bytes.of(3, BLOCK), Bytes.take(nodes.await(read)));
  }

  // ------------------------------------------------------------------ what it did since

  /** A host of the new owner waits for the old one, which has not heard of it and goes on. */
  private CompletableFuture<ByteBuf> overtaken() {
    force();
    CompletableFuture<ByteBuf> read = b.volume().read(0, 2 * BLOCK);
    nodes.pass(Duration.ofSeconds(1));
    b.write(0, Bytes.of(2, BLOCK));
    a.write(0, Bytes.of(3, 2 * BLOCK));
    return read;
  }

  private void expectWhatWasWrittenHere() {
    CompletableFuture<ByteBuf> read = overtaken();
    nodes.mend(a, b);
    byte[] all = Bytes.with(Bytes.of(3, 2 * BLOCK), 0, Bytes.of(2, BLOCK));
    assertArrayEquals(all, Bytes.take(nodes.await(read)));
    assertArrayEquals(all, b.read(0, 2 * BLOCK));
  }

  /** Else that host would see what the old owner wrote last, and then what was written before. */
  @Test
  void aReadThatWaitedForTheOldOwnerFindsWhatWasWrittenHereMeanwhile() {
    expectWhatWasWrittenHere();
  }

  @Test
  void soDoesOneThatKeepsNothing() {
    under("redirect");
    expectWhatWasWrittenHere();
  }

  @Test
  void whereZeroesAreIsNotToldOfWhatTheOldOwnerZeroedUnderWhatWasWrittenHereMeanwhile() {
    force();
    CompletableFuture<List<Extent>> status =
        b.volume().status(Extent.BASE_ALLOCATION, 0, SIZE, 100);
    nodes.pass(Duration.ofSeconds(1));
    b.write(BLOCK, Bytes.of(2, BLOCK));
    nodes.await(a.volume().zero(0, SIZE, 0));
    nodes.mend(a, b);
    List<Extent> found = nodes.await(status);
    assertEquals(BLOCK, found.stream().mapToLong(Extent::length).sum());
    assertEquals(Extent.ZERO, found.get(0).flags() & Extent.ZERO);
    List<Extent> next = nodes.await(b.volume().status(Extent.BASE_ALLOCATION, BLOCK, BLOCK, 100));
    assertEquals(0, next.get(0).flags() & Extent.ZERO);
  }

  /** A node that forwards to {@code a}. */
  private Nodes.Node third() {
    Nodes.Node c = nodes.share(a, "c");
    nodes.pass(Duration.ofSeconds(1));
    return c;
  }

  /** Nobody hears of {@code a} any more, and {@code c} hears that {@code b} is the owner. */
  private void forceAgainst(Nodes.Node c) {
    nodes.wire.cut("a", "c");
    force();
    b.write(0, Bytes.of(2, BLOCK));
    nodes.pass(Duration.ofSeconds(1));
    assertEquals("b", c.memory.state().owner());
  }

  @Test
  void aThirdNodesReadIsAskedOfTheNewOwner() {
    Nodes.Node c = third();
    nodes.wire.cut("a", "c");
    CompletableFuture<ByteBuf> read = c.volume().read(0, BLOCK);
    forceAgainst(c);
    assertTrue(read.isDone());
    assertArrayEquals(Bytes.of(2, BLOCK), Bytes.take(read));
  }

  @Test
  void whatTheOldOwnerAnswersAThirdNodesReadIsOfNoUse() {
    Nodes.Node c = third();
    nodes.wire.holdAnswers(Op.READ);
    a.write(0, Bytes.of(3, BLOCK));
    CompletableFuture<ByteBuf> read = c.volume().read(0, BLOCK);
    nodes.pass(Duration.ofSeconds(1));
    forceAgainst(c);
    nodes.wire.passAnswers();
    assertArrayEquals(Bytes.of(2, BLOCK), Bytes.take(nodes.await(read)));
  }

  @Test
  void whatAThirdNodeHadTheOldOwnerMakeDurableIsNotSaidToBe() {
    Nodes.Node c = third();
    nodes.wire.holdAnswers(Op.WRITE);
    CompletableFuture<Void> write = c.volume().write(0, Bytes.lend(Bytes.of(3, BLOCK)), Export.FUA);
    nodes.pass(Duration.ofSeconds(1));
    forceAgainst(c);
    assertFalse(write.isDone(), "whether it was done is not known");
    nodes.wire.passAnswers();
    NbdException why = nodes.error(write);
    assertEquals(NbdError.EIO, why.error());
    assertTrue(String.valueOf(why.getMessage()).contains("node b was made the owner by force"));
  }

  // ------------------------------------------------------------------ under the policy move

  /** The same nodes, under a policy that brings blocks ahead of a hand-over. */
  private void preCopying() {
    under("move");
  }

  @Test
  void itDoesNotWaitForWhatWasAskedForAhead() {
    preCopying();
    nodes.wire.hold(Op.PRECOPY);
    nodes.pass(Duration.ofSeconds(1));
    long began = nodes.time.now();
    force();
    assertTrue(
        nodes.time.now() - began < Duration.ofSeconds(1).toNanos(),
        () -> "it took " + Duration.ofNanos(nodes.time.now() - began));
    assertEquals(Role.OWNER, b.memory.state().role());
  }

  @Test
  void whatComesAheadTooLateIsNotWrittenOverTheNewOwnersBlocks() {
    preCopying();
    nodes.wire.holdAnswers(Op.PRECOPY);
    nodes.pass(Duration.ofSeconds(1));
    force();
    b.write(0, Bytes.of(2, SIZE));
    nodes.wire.passAnswers();
    nodes.pass(Duration.ofSeconds(1));
    b.expect(Bytes.of(2, SIZE));
  }

  @Test
  void itWaitsForWhatIsBeingWrittenHereAhead() {
    preCopying();
    CompletableFuture<Void> disk = b.disk.holdWrites();
    nodes.pass(Duration.ofSeconds(1));
    nodes.wire.cut("a", "b");
    CompletableFuture<Void> forced = b.volume().activate(true);
    nodes.pass(Duration.ofSeconds(1));
    assertFalse(forced.isDone());
    b.disk.passWrites();
    disk.complete(null);
    nodes.await(forced);
    b.write(0, Bytes.of(2, SIZE));
    b.expect(Bytes.of(2, SIZE));
  }

  @Test
  void theMoveGoesOnAfterOneThatFailed() {
    preCopying();
    nodes.wire.hold(Op.PRECOPY);
    nodes.pass(Duration.ofSeconds(1));
    nodes.wire.cut("a", "b");
    b.memory.fail(true);
    nodes.refusal(b.volume().activate(true));
    b.memory.fail(false);
    assertEquals(Role.STANDBY, b.state().role());
    nodes.wire.pass(Op.PRECOPY);
    nodes.mend(a, b);
    nodes.pass(Duration.ofSeconds(30));
    assertArrayEquals(content, b.disk.content(0, SIZE));
    a.write(0, Bytes.of(2, BLOCK));
    b.activate();
    b.expect(Bytes.with(content, 0, Bytes.of(2, BLOCK)));
  }
}
