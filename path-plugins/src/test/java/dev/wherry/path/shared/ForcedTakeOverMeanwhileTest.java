package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.link.Op;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** By force while something is under way: what that waits for, and what it does not wait for. */
class ForcedTakeOverMeanwhileTest extends ForcedTakeOverNodes {
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
