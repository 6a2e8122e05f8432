package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.BLOCKS;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The passage of the ownership: when it happens, and what is there when something goes wrong. */
class HandOverTest extends TwoNodes {
  private void open(boolean manual) {
    open("pull", manual);
  }

  private void expectOwner(Nodes.Node owner, Nodes.Node former, long epoch) {
    assertEquals(Role.OWNER, owner.state().role());
    assertEquals(Role.FORMER, former.state().role());
    for (Nodes.Node n : List.of(owner, former)) {
      assertEquals(owner.name, n.state().owner());
      assertEquals(epoch, n.state().epoch());
      assertEquals(n.state(), n.memory.state(), "what is so is remembered");
      assertFalse(n.state().wanted());
    }
  }

  private void expectNothingHappened() {
    assertEquals(Role.OWNER, a.state().role());
    assertEquals(Role.STANDBY, b.state().role());
    assertEquals(1, b.state().epoch());
    assertFalse(b.memory.state().wanted());
    a.write(0, Bytes.of(2, 10));
    b.expect(Bytes.with(content, 0, Bytes.of(2, 10)));
  }

  // ------------------------------------------------------------------ as it should be

  @Test
  void activateMakesTheStandbyTheOwnerAndTheOwnerItsSource() {
    open(true);
    b.activate();
    expectOwner(b, a, 2);
    assertEquals("node:a", b.state().source());
    assertEquals(List.of("a"), b.state().members());
    assertNotNull(a.volume().handover());
    assertNotNull(b.volume().handover());
    assertEquals(0, b.volume().blocks().here());
    b.expect(content);
    assertEquals(SIZE, nodes.wire.bytes(Op.FETCH));
  }

  @Test
  void theOwnerFlushesWhileItServesAndThenTheRest() {
    open(true);
    b.activate();
    assertEquals(1, nodes.wire.sent(Op.PREPARE).size());
    // Before it tells of its store, after that (what was written meanwhile), and with hosts held.
    assertEquals(3, a.disk.flushes());
  }

  /** How often the owner flushes for a hand-over if these are what its flushes take. */
  private int flushesOf(long... millis) {
    open(true);
    AtomicInteger next = new AtomicInteger();
    a.disk.flushesTake(
        () -> {
          CompletableFuture<Void> over = new CompletableFuture<>();
          long last = millis[Math.min(next.getAndIncrement(), millis.length - 1)];
          nodes.time.schedule(() -> over.complete(null), last, TimeUnit.MILLISECONDS);
          return over;
        });
    b.activate();
    expectOwner(b, a, 2);
    return next.get();
  }

  /** What hosts write while one runs is what the next one has to do, and they wait for the last. */
  @Test
  void theOwnerFlushesAgainWhileItServesAsLongAsThatTakesLessAndLess() {
    assertEquals(7, flushesOf(900, 400, 200, 100, 50, 0));
  }

  @Test
  void butNotOnceItTakesNoLess() {
    assertEquals(4, flushesOf(900, 400, 390, 200));
  }

  @Test
  void theFormerOwnerForwardsAndTakesNothingBackByItself() {
    open(false);
    b.activate();
    a.write(100, Bytes.of(2, 10));
    nodes.pass(Duration.ofMinutes(1));
    expectOwner(b, a, 2);
    b.expect(Bytes.with(content, 100, Bytes.of(2, 10)));
    a.expect(Bytes.with(content, 100, Bytes.of(2, 10)));
  }

  /** Whether the owner has what has changed since {@code b} prepared. */
  private boolean isComplete() {
    LinkRequest request = Nodes.request(Op.HANDOVER, 1).withPayload(Nodes.asked());
    LinkReply reply =
        nodes.await(nodes.wire.call("b", "a", request, Priority.CONTROL, Nodes.IO_TIMEOUT));
    HandoverAnswer answer = HandoverAnswer.read(reply.payload(), BLOCKS);
    reply.payload().release();
    return answer.complete();
  }

  private void prepare() {
    open(true);
    nodes.call(b, a, Nodes.request(Op.PREPARE, 1).withPayload(Nodes.asked()));
  }

  @Test
  void whatChangesIsNotedForATakerThatHasPrepared() {
    prepare();
    nodes.pass(Duration.ofMinutes(9));
    assertTrue(isComplete());
  }

  @Test
  void forOneThatDoesNotComeItIsNotNotedForEver() {
    prepare();
    nodes.pass(Duration.ofMinutes(11));
    assertFalse(isComplete());
  }

  @Test
  void norForOneThatHasNoPartAnyMore() {
    prepare();
    nodes.await(a.volume().leave("b"));
    nodes.await(a.volume().join("b"));
    assertFalse(isComplete());
  }

  @Test
  void theOwnerFailsIfItCannotFlushTheRest() {
    open(true);
    nodes.wire.hold(Op.HANDOVER);
    CompletableFuture<Void> activated = b.volume().activate(false);
    a.write(0, Bytes.of(2, 10));
    a.disk.failFlushes(true);
    nodes.wire.pass(Op.HANDOVER);
    assertTrue(nodes.refusal(activated).contains("the disk is broken"));
    // As a disk that reports an error once, and has forgotten what it had.
    a.disk.failFlushes(false);
    assertEquals(NbdError.EIO, nodes.error(a.volume().flush()).error());
    assertEquals(Role.OWNER, a.state().role());
  }

  // ------------------------------------------------------------------ while hosts are served

  @Test
  void whatChangesAfterTheOwnerHasToldOfItsStoreIsToldAtTheHandOver() {
    open(true);
    b.activate();
    b.write(BLOCK, Bytes.of(2, BLOCK));
    nodes.wire.hold(Op.HANDOVER);
    CompletableFuture<Void> back = a.volume().activate(false);
    b.write(2 * BLOCK, Bytes.of(3, 2 * BLOCK)); // neither node's hosts are held by the owner yet
    nodes.await(b.volume().zero(BLOCK, BLOCK, 0));
    nodes.wire.pass(Op.HANDOVER);
    nodes.await(back);
    expectOwner(a, b, 3);
    byte[] now = Bytes.with(content, BLOCK, new byte[BLOCK]);
    a.expect(Bytes.with(now, 2 * BLOCK, Bytes.of(3, 2 * BLOCK)));
    assertEquals(2, nodes.wire.sent(Op.DIFFERENCES).size()); // once there, and once back
  }

  @Test
  void ifTheAnswerOfAHandOverWasLostTheDifferencesAreAskedForAgain() {
    open(true);
    b.activate();
    b.write(BLOCK, Bytes.of(2, BLOCK));
    nodes.wire.forget();
    nodes.wire.hold(Op.HANDOVER);
    CompletableFuture<Void> back = a.volume().activate(false);
    b.write(2 * BLOCK, Bytes.of(3, BLOCK));
    nodes.wire.loseAnswer(Op.HANDOVER);
    nodes.wire.pass(Op.HANDOVER);
    nodes.refusal(back);
    byte[] now = Bytes.with(content, BLOCK, Bytes.of(2, BLOCK));
    b.expect(Bytes.with(now, 2 * BLOCK, Bytes.of(3, BLOCK))); // which has a ask again
    expectOwner(a, b, 3);
    a.expect(Bytes.with(now, 2 * BLOCK, Bytes.of(3, BLOCK)));
    assertEquals(2, nodes.wire.sent(Op.HANDOVER).size());
  }

  @Test
  void theOwnerMayAskAnotherNodeToTakeIt() {
    open(true);
    nodes.await(a.volume().giveTo("b"));
    expectOwner(b, a, 2);
    assertTrue(nodes.refusal(a.volume().giveTo("b")).contains("does not own"));
  }

  @Test
  void activateOfTheOwnerChangesNothing() {
    open(true);
    a.activate();
    assertEquals(List.of(), nodes.wire.sent(Op.HANDOVER));
    assertEquals(1, a.state().epoch());
  }

  @Test
  void allIsRememberedWhenBothStartAnew() {
    open(true);
    b.activate();
    b.write(BLOCK, Bytes.of(2, BLOCK));
    a.stop();
    b.stop();
    a.start();
    b.start();
    expectOwner(b, a, 2);
    a.expect(Bytes.with(content, BLOCK, Bytes.of(2, BLOCK)));
  }

  @Test
  void whoAsksForWhatIsUnderWayWaitsForItsEnd() {
    open(true);
    CompletableFuture<Void> first = b.volume().activate(false);
    nodes.await(b.volume().activate(false));
    assertTrue(first.isDone());
    assertEquals(1, nodes.wire.sent(Op.HANDOVER).size());
    expectOwner(b, a, 2);
  }

  // ------------------------------------------------------------------ auto

  static Stream<Function<SharedVolume, CompletableFuture<Void>>> changes() {
    return Stream.of(
        v -> v.write(0, Bytes.lend(new byte[10]), 0), v -> v.zero(0, 10, 0), v -> v.trim(0, 10, 0));
  }

  @ParameterizedTest
  @MethodSource("changes")
  void autoTakesTheOwnershipAtTheFirstChange(
      Function<SharedVolume, CompletableFuture<Void>> change) {
    open(false);
    b.read(0, SIZE);
    nodes.await(b.volume().flush());
    nodes.pass(Duration.ofMinutes(1));
    assertEquals(Role.STANDBY, b.state().role());
    nodes.await(change.apply(b.volume()));
    nodes.pass(Duration.ofSeconds(1));
    expectOwner(b, a, 2);
  }

  @Test
  void autoFiresOnceHoweverManyWritesThereAre() {
    open(false);
    List<CompletableFuture<Void>> writes =
        Stream.of(0, 1, 2, 3, 4)
            .map(i -> b.volume().write(i * BLOCK, Bytes.lend(Bytes.of(10 + i, BLOCK)), 0))
            .toList();
    writes.forEach(nodes::await);
    nodes.pass(Duration.ofSeconds(1));
    assertEquals(1, nodes.wire.sent(Op.PREPARE).size());
    assertEquals(1, nodes.wire.sent(Op.HANDOVER).size());
    byte[] expected = content.clone();
    for (int i = 0; i < 5; i++) {
      expected = Bytes.with(expected, i * BLOCK, Bytes.of(10 + i, BLOCK));
    }
    b.expect(expected);
  }

  @Test
  void theWriteThatTriggersIsServedThoughTheHandOverIsRefused() {
    open(false);
    a.memory.fail(true);
    b.write(0, Bytes.of(2, 10));
    nodes.pass(Duration.ofSeconds(5));
    expectNothingHappened();
    a.memory.fail(false);
    b.write(0, Bytes.of(3, 10));
    nodes.pass(Duration.ofSeconds(5));
    expectOwner(b, a, 2);
    b.expect(Bytes.with(content, 0, Bytes.of(3, 10)));
  }

  // ------------------------------------------------------------------ requests meanwhile

  @Test
  void requestsOfBothSidesAreHeldAndThenServed() {
    open(true);
    CompletableFuture<Void> disk = a.disk.holdWrites();
    CompletableFuture<Void> slow = a.volume().write(0, Bytes.lend(Bytes.of(2, BLOCK)), 0);
    CompletableFuture<Void> activated = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    a.disk.passWrites();
    CompletableFuture<Void> there = a.volume().write(BLOCK, Bytes.lend(Bytes.of(3, BLOCK)), 0);
    CompletableFuture<Void> here = b.volume().write(2 * BLOCK, Bytes.lend(Bytes.of(4, BLOCK)), 0);
    nodes.pass(Duration.ofSeconds(1));
    assertFalse(activated.isDone() || there.isDone() || here.isDone());
    disk.complete(null);
    Stream.of(slow, activated, there, here).forEach(nodes::await);
    expectOwner(b, a, 2);
    byte[] expected = Bytes.with(content, 0, Bytes.of(2, BLOCK));
    expected = Bytes.with(expected, BLOCK, Bytes.of(3, BLOCK));
    b.expect(Bytes.with(expected, 2 * BLOCK, Bytes.of(4, BLOCK)));
  }

  @Test
  void anOwnerThatCannotDrainRefusesAndGoesOn() {
    open(true);
    CompletableFuture<Void> disk = a.disk.holdWrites();
    CompletableFuture<Void> slow = a.volume().write(0, Bytes.lend(Bytes.of(9, 10)), 0);
    CompletableFuture<Void> activated = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    CompletableFuture<Void> held = b.volume().write(0, Bytes.lend(Bytes.of(8, 10)), 0);
    assertTrue(nodes.refusal(activated).contains("could not be handed over"));
    a.disk.passWrites();
    disk.complete(null);
    nodes.await(slow);
    nodes.await(held);
    expectNothingHappened();
    b.activate();
    expectOwner(b, a, 2);
  }

  @Test
  void hostsAreNotHeldForWhatAStandbyReadsOfASourceThatHangs() {
    open("move", true);
    b.activate();
    nodes.wire.hold(Op.FETCH);
    nodes.await(b.volume().policies("redirect", WritePolicy.LOCAL, List.of(), true));
    nodes.share(b, "c");
    nodes.pass(Duration.ofSeconds(1));
    CompletableFuture<Void> back = a.volume().activate(false);
    nodes.pass(Duration.ofSeconds(2));
    CompletableFuture<Void> write = b.volume().write(0, Bytes.lend(Bytes.of(2, BLOCK)), 0);
    nodes.pass(Duration.ofMillis(100));
    assertTrue(write.isDone());
    assertTrue(nodes.refusal(back).contains("does not come to its end"));
    nodes.wire.pass(Op.FETCH);
    nodes.pass(Duration.ofSeconds(30));
    a.activate();
    expectOwner(a, b, 3);
  }

  /** Else a server that was away would get once more what others have overwritten since. */
  @Test
  void whoGivesTheVolumeAwayLetsGoOfTheServerAsItHasWrittenIt() {
    open(true);
    a.stop();
    String server = "nbd://server/v";
    nodes.await(nodes.await(a.memory.create(7, BlockMap.NOT_HERE)).close());
    nodes.await(a.memory.put(a.memory.state().withSources(server, null, 7)));
    List<HeldSource> opened = new ArrayList<>();
    a.servers =
        uri -> {
          opened.add(new HeldSource(uri, content));
          return CompletableFuture.completedFuture(opened.get(opened.size() - 1));
        };
    a.start();
    a.expect(content);
    assertEquals(1, opened.size());
    b.activate();
    nodes.pass(Duration.ofSeconds(1));
    assertTrue(opened.get(0).closed());
    assertEquals(server, a.state().source());
    b.expect(content);
  }

  @Test
  void anOwnerThatCannotRememberItRefusesAndGoesOn() {
    open(true);
    a.memory.fail(true);
    assertTrue(nodes.refusal(b.volume().activate(false)).contains("the catalog cannot be written"));
    expectNothingHappened();
  }

  @Test
  void anOwnerThatHasPromisedItRemembersLaterWhatItHasGiven() {
    open(true);
    nodes.wire.hold(Op.HANDOVER);
    CompletableFuture<Void> activated = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    a.memory.fail(true);
    nodes.wire.pass(Op.HANDOVER);
    nodes.await(activated);
    assertEquals(Role.OWNER, a.memory.state().role());
    a.crash();
    a.start();
    expectOwner(b, a, 2);
    b.expect(content);
  }

  @Test
  void anOwnerThatCannotBeReachedIsNotAskedForEver() {
    open(true);
    nodes.wire.cut("a", "b");
    nodes.refusal(b.volume().activate(false));
    nodes.mend(a, b);
    expectNothingHappened();
  }

  // ------------------------------------------------------------------ answers that are lost

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
    nodes.await(a.volume().leave("b"));
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
