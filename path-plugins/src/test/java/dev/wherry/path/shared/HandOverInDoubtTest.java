package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.Op;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/**
 * Hand-overs of which one node knows already and the other does not: the answer was lost, comes
 * late, or could not be remembered.
 */
class HandOverInDoubtTest extends HandOverNodes {
  private void loseTheAnswer() {
    nodes.wire.loseAnswer(Op.HANDOVER);
    nodes.refusal(b.volume().activate(false));
    assertEquals(Role.FORMER, a.state().role());
    assertEquals(Role.STANDBY, b.state().role());
    assertTrue(b.memory.state().wanted());
  }

  @Test
  void aTakerThatStartsAnewAsksAgain() {
    open(true);
    loseTheAnswer();
    b.stop();
    b.start();
    nodes.pass(Duration.ofSeconds(5));
    expectOwner(b, a, 2);
    b.expect(content);
  }

  @Test
  void aTakerAsksAgainWhenTheLinkIsUp() {
    open(true);
    loseTheAnswer();
    nodes.mend(a, b);
    expectOwner(b, a, 2);
  }

  @Test
  void aTakerAsksAgainWhenTheFormerOwnersHostsComeToIt() {
    open(true);
    loseTheAnswer();
    a.write(0, Bytes.of(2, BLOCK));
    expectOwner(b, a, 2);
    b.expect(Bytes.with(content, 0, Bytes.of(2, BLOCK)));
  }

  @Test
  void aTakerAsksAgainWhenItsOwnHostsDo() {
    open(true);
    loseTheAnswer();
    b.write(0, Bytes.of(2, BLOCK));
    expectOwner(b, a, 2);
  }

  @Test
  void anOwnerThatStartedAnewMeanwhileGivesTheSameAnswer() {
    open(true);
    loseTheAnswer();
    a.stop();
    b.stop();
    a.start();
    b.start();
    nodes.pass(Duration.ofSeconds(5));
    expectOwner(b, a, 2);
    b.expect(content);
  }

  @Test
  void theSameAskGetsTheSameAnswerAndAnotherAskerIsSentOn() {
    open(true);
    Nodes.Node c = nodes.share(a, "c");
    b.activate();
    ShareState before = a.state();
    LinkReply again = nodes.call(b, a, Nodes.request(Op.HANDOVER, 1).withPayload(Nodes.asked()));
    assertEquals(Status.OK, again.status());
    assertEquals(2, again.epoch());
    LinkReply other = nodes.call(c, a, Nodes.request(Op.HANDOVER, 1).withPayload(Nodes.asked()));
    assertEquals(Status.STALE, other.status());
    assertEquals("b", other.text());
    assertEquals(before, a.state());
  }

  @Test
  void anAskOfAnOlderEpochOrOfNoMemberChangesNothing() {
    open(true);
    LinkReply old = nodes.call(b, a, Nodes.request(Op.HANDOVER, 0).withPayload(Nodes.asked()));
    assertEquals(Status.STALE, old.status());
    nodes.await(a.volume().members().leave("b"));
    LinkReply none = nodes.call(b, a, Nodes.request(Op.HANDOVER, 1).withPayload(Nodes.asked()));
    assertEquals(Status.REFUSED, none.status());
    assertEquals(Role.OWNER, a.state().role());
  }

  @Test
  void anAnswerThatComesAfterSomebodyElseTookOverIsNotTaken() {
    open(true);
    Nodes.Node c = nodes.share(a, "c");
    nodes.wire.holdAnswers(Op.HANDOVER);
    CompletableFuture<Void> activated = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    nodes.wire.cut("a", "c");
    nodes.await(c.volume().activate(true));
    nodes.tell(c, b, "c", c.state().epoch());
    nodes.wire.passAnswers();
    assertTrue(nodes.refusal(activated).contains("node c owns it by now"));
    assertEquals(Role.STANDBY, b.state().role());
    assertEquals("c", b.state().owner());
    assertEquals(Role.OWNER, c.state().role());
  }

  @Test
  void aMemberLearnsOfTheNewOwner() {
    open(true);
    Nodes.Node c = nodes.share(a, "c");
    b.activate();
    nodes.pass(Duration.ofSeconds(1));
    assertEquals("b", c.state().owner());
    assertEquals(2, c.state().epoch());
    assertNull(c.state().source());
    c.write(0, Bytes.of(2, 10));
    b.expect(Bytes.with(content, 0, Bytes.of(2, 10)));
  }

  // ------------------------------------------------------------------ the end

  @Test
  void closingInTheMiddleEndsEverything() {
    open(true);
    nodes.wire.hold(Op.HANDOVER);
    CompletableFuture<Void> activated = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    CompletableFuture<Void> held = b.volume().write(0, Bytes.lend(new byte[10]), 0);
    var reading = a.volume().read(0, BLOCK);
    b.stop();
    nodes.failure(held);
    nodes.failure(activated);
    Bytes.take(nodes.await(reading));
    nodes.wire.pass(Op.HANDOVER);
    b.start();
    nodes.pass(Duration.ofSeconds(5));
    expectOwner(b, a, 2);
  }

  @Test
  void aTakerThatCouldNotRememberItTriesAgain() {
    open(true);
    nodes.wire.holdAnswers(Op.HANDOVER);
    CompletableFuture<Void> asked = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    b.memory.fail(true);
    nodes.wire.passAnswers();
    nodes.refusal(asked);
    String why = nodes.refusal(a.volume().activate(false));
    assertTrue(why.contains("was given to node b, which has not taken it yet"), why);
    b.memory.fail(false);
    nodes.pass(Duration.ofSeconds(5));
    assertEquals(Role.OWNER, b.memory.state().role());
    assertEquals(2, b.memory.state().epoch());
    a.expect(content);
  }

  // ------------------------------------------------------------------ commands that come early

  /** Node a knows already that b owns it, and b has not had the answer. */
  private CompletableFuture<Void> given() {
    open(true);
    nodes.wire.holdAnswers(Op.HANDOVER);
    CompletableFuture<Void> activated = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    assertEquals(Role.FORMER, a.state().role());
    assertEquals(Role.STANDBY, b.state().role());
    return activated;
  }

  @Test
  void aReleaseBeforeTheNewOwnerKnowsThatItIsWaitsForThat() {
    CompletableFuture<Void> activated = given();
    CompletableFuture<?> released = a.volume().release();
    nodes.pass(Duration.ofSeconds(1));
    assertFalse(released.isDone());
    nodes.wire.passAnswers();
    nodes.await(activated);
    assertEquals("32 of 32 blocks of volume v are not on node b yet", nodes.refusal(released));
  }

  @Test
  void aThirdNodeTakesItBeforeTheNewOwnerKnowsThatItIs() {
    open(true);
    Nodes.Node c = nodes.share(a, "c");
    nodes.wire.holdAnswers(Op.HANDOVER);
    CompletableFuture<Void> activated = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    CompletableFuture<Void> next = c.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    assertFalse(next.isDone());
    nodes.wire.passAnswers();
    nodes.await(activated);
    nodes.await(next);
    expectOwner(c, b, 3);
  }

  @Test
  void anActivationWaitsForTheOneThatGoesOnByItselfAfterAStart() {
    open(true);
    nodes.wire.hold(Op.HANDOVER);
    CompletableFuture<Void> cutOff = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    b.crash();
    nodes.failure(cutOff);
    b.start();
    nodes.pass(Duration.ofSeconds(1));
    CompletableFuture<Void> activated = b.volume().activate(false);
    nodes.wire.pass(Op.HANDOVER);
    nodes.await(activated);
    expectOwner(b, a, 2);
  }
}
