package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.move.Mover;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** What is durable before hosts are held, and what a crash makes of it. */
class PledgeTest extends TwoNodes {
  private Nodes.Node c;
  private CompletableFuture<Void> activated;

  /** Node b has the owner's promise, and has not been given the ownership. */
  private void promised() {
    open("pull", true);
    c = nodes.share(a, "c");
    nodes.wire.hold(Op.HANDOVER);
    activated = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    assertEquals(new ShareState.Pledge("b", false), a.memory.state().pledge());
    assertEquals(Role.OWNER, a.state().role());
    assertFalse(activated.isDone());
  }

  private void goOn() {
    a.start();
    nodes.wire.pass(Op.HANDOVER);
    nodes.mend(a, b);
    nodes.mend(a, c);
    nodes.pass(Duration.ofSeconds(5));
  }

  private void expectOwner(Nodes.Node owner, Nodes.Node former, long epoch) {
    assertEquals(Role.OWNER, owner.state().role());
    assertEquals(Role.FORMER, former.state().role());
    assertEquals(epoch, owner.state().epoch());
    assertEquals(epoch, former.state().epoch());
    assertEquals(owner.state(), owner.memory.state());
  }

  @Test
  void theOwnerServesOnUntilItIsAsked() {
    promised();
    a.write(0, Bytes.of(2, 10));
    nodes.wire.pass(Op.HANDOVER);
    nodes.await(activated);
    expectOwner(b, a, 2);
    assertEquals(a.state(), a.memory.state());
    assertNull(a.state().pledge());
    b.expect(Bytes.with(content, 0, Bytes.of(2, 10)));
  }

  @Test
  void aCrashKeepsThePromiseAndLosesNothing() {
    promised();
    a.write(0, Bytes.of(2, 10));
    c.write(20, Bytes.of(3, 10));
    a.crash();
    goOn();
    expectOwner(b, a, 2);
    byte[] expected = Bytes.with(content, 0, Bytes.of(2, 10));
    b.expect(Bytes.with(expected, 20, Bytes.of(3, 10)));
    nodes.await(c.volume().flush());
    assertEquals(0, b.state().losses());
  }

  /** Long afterwards it would be fenced for a promise that was kept in full. */
  @Test
  void aKeptPromiseIsForgottenOnceTheTakerIsKnownToOwn() {
    promised();
    a.crash();
    goOn();
    expectOwner(b, a, 2);
    assertNull(a.memory.state().pledge());
    nodes.wire.cut("a", "b");
    nodes.wire.cut("b", "c");
    nodes.await(c.volume().activate(true));
    nodes.mend(a, c);
    nodes.pass(Duration.ofSeconds(1));
    assertNull(a.state().fence());
    assertEquals("c", a.state().owner());
  }

  @Test
  void aLossOfPowerBeforeTheOwnerIsAskedCounts() {
    promised();
    c.write(20, Bytes.of(3, 10));
    a.losePower();
    goOn();
    expectOwner(b, a, 2);
    assertEquals(1, b.state().losses());
    assertEquals(NbdError.EIO, nodes.error(c.volume().flush()).error());
  }

  @Test
  void soDoesOneAfterACrash() {
    promised();
    a.crash();
    a.start();
    a.losePower();
    goOn();
    expectOwner(b, a, 2);
    assertEquals(1, b.state().losses());
  }

  @Test
  void aPromiseThatNobodyComesForIsTakenBack() {
    promised();
    nodes.wire.cut("a", "b");
    nodes.pass(Nodes.IO_TIMEOUT.plusSeconds(1));
    assertNull(a.memory.state().pledge());
    a.crash();
    a.start();
    assertEquals(Role.OWNER, a.state().role());
    assertEquals(1, a.state().epoch());
  }

  @Test
  void soIsOneWhereThatCouldNotBePutAtOnce() {
    promised();
    nodes.wire.cut("a", "b");
    a.memory.fillCatalog(true);
    nodes.pass(Nodes.IO_TIMEOUT.plusSeconds(1));
    assertNotNull(a.memory.state().pledge());
    a.memory.fillCatalog(false);
    nodes.pass(Duration.ofSeconds(2));
    assertNull(a.memory.state().pledge());
  }

  /** Its background took so long to come to rest. */
  @Test
  void nothingIsPromisedToATakerThatHasWaitedForLong() {
    askedWhileMoving();
    nodes.pass(Nodes.IO_TIMEOUT.minusSeconds(3));
    nodes.wire.holdAnswers(Op.PLEDGE);
    nodes.wire.pass(Op.FETCH);
    nodes.pass(Duration.ofSeconds(1));
    assertNull(b.memory.state().pledge());
    nodes.pass(Duration.ofSeconds(9));
    assertTrue(activated.isCompletedExceptionally());
    b.crash();
    b.start();
    assertEquals(Role.OWNER, b.state().role());
  }

  @Test
  void aTakerThatDoesNotComeGivesItBack() {
    promised();
    LinkRequest back = Nodes.request(Op.PLEDGE, 1).withFlags(Giving.BACK);
    assertTrue(nodes.call(c, a, back.withPayload(Nodes.asked())).isOk());
    assertNotNull(a.memory.state().pledge(), "it was not promised to c");
    assertTrue(nodes.call(b, a, back.withPayload(Nodes.asked())).isOk());
    assertNull(a.memory.state().pledge());
  }

  @Test
  void aPromiseThatWasGivenBackDoesNotCutTheNextOneShort() {
    open("pull", true);
    LinkRequest pledge = Nodes.request(Op.PLEDGE, 1);
    LinkRequest back = pledge.withFlags(Giving.BACK);
    assertTrue(nodes.call(b, a, pledge.withPayload(Nodes.asked())).isOk());
    assertTrue(nodes.call(b, a, back.withPayload(Nodes.asked())).isOk());
    nodes.pass(Nodes.IO_TIMEOUT.minusSeconds(5));
    assertTrue(nodes.call(b, a, pledge.withPayload(Nodes.asked())).isOk());
    nodes.pass(Duration.ofSeconds(10));
    assertNotNull(a.memory.state().pledge());
    nodes.pass(Nodes.IO_TIMEOUT);
    assertNull(a.memory.state().pledge());
  }

  @Test
  void aPromiseToOneThatIsNoMemberAnyMoreIsVoid() {
    promised();
    nodes.await(a.volume().members().leave("b"));
    assertNull(a.memory.state().pledge());
  }

  @Test
  void soIsOneToAMemberThatIsAskedToLeave() {
    promised();
    nodes.await(a.volume().members().leaving("b"));
    assertNull(a.memory.state().pledge());
    nodes.wire.pass(Op.HANDOVER);
    assertTrue(nodes.refusal(activated).contains("node b is being asked to give its part back"));
    a.volume().members().stays("b");
    b.activate();
    expectOwner(b, a, 2);
  }

  @Test
  void anOwnerThatStopsInPeaceIsTheOwnerStill() {
    promised();
    a.stop();
    a.start();
    assertEquals(Role.OWNER, a.state().role());
    assertNull(a.state().pledge());
  }

  @Test
  void whatWasPromisedAndNeverFetchedIsFencedWhenAnotherNodeTookOverByForce() {
    promised();
    a.write(0, Bytes.of(2, 10));
    a.crash();
    nodes.wire.cut("a", "b");
    nodes.await(c.volume().activate(true));
    a.start();
    assertEquals(Role.FORMER, a.state().role());
    nodes.mend(a, c);
    nodes.pass(Duration.ofSeconds(1));
    assertNotNull(a.memory.state().fence());
    assertEquals(NbdError.EPERM, nodes.error(a.volume().read(0, 10)).error());
  }

  @Test
  void aCommitThatFailsOnceAfterAHandOverIsMadeWithTheNextFlush() {
    open("pull", true);
    b.activate();
    nodes.wire.hold(Op.HANDOVER);
    activated = a.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    b.write(2 * BLOCK, Bytes.of(7, BLOCK));
    a.memory.failAfter(1);
    nodes.wire.pass(Op.HANDOVER);
    nodes.await(activated);
    assertFalse(a.memory.state().outdated().isEmpty());
    a.memory.fail(false);
    nodes.await(a.volume().flush());
    assertTrue(a.memory.state().outdated().isEmpty());
  }

  @Test
  void aThirdNodeTakesNothingByForceWhileTheOneThatPromisedHasAllOfIt() {
    promised();
    a.write(0, Bytes.of(2, 10));
    a.crash();
    b.crash();
    a.start();
    nodes.mend(a, c);
    String why = nodes.refusal(c.volume().activate(true));
    assertTrue(why.contains("node a has all of it"), why);
    assertTrue(why.contains("to node b, who may not have taken it: activate it there"), why);
    assertEquals(Role.STANDBY, c.memory.state().role());
    nodes.await(a.volume().activate(true));
    nodes.pass(Duration.ofSeconds(1));
    c.expect(Bytes.with(content, 0, Bytes.of(2, 10)));
  }

  @Test
  void whoKnowsThatTheTakerHasComeIsNoOwnerAnyMore() {
    promised();
    a.crash();
    goOn();
    expectOwner(b, a, 2);
    assertNull(a.memory.state().pledge());
    nodes.mend(b, c);
    b.stop();
    nodes.wire.cut("b", "c");
    nodes.wire.cut("a", "b");
    nodes.await(c.volume().activate(true));
    nodes.mend(a, c);
    assertEquals(Role.FORMER, a.memory.state().role());
    assertNull(a.memory.state().fence());
    assertEquals("c", a.memory.state().owner());
  }

  @Test
  void aTakerThatLosesItsPowerForgetsWhatItsMapHasOutdated() throws IOException {
    powerLostWithAnOutdatedMap();
    a.start();
    a.expect(Bytes.with(content, 2 * BLOCK, Bytes.of(7, BLOCK)));
    assertTrue(a.memory.state().outdated().isEmpty());
  }

  /** It has that boot in its state by then, and would take the map for what it was in it. */
  @Test
  void soDoesOneThatIsKilledWhileItWaitsForRoomToForgetIt() throws IOException {
    powerLostWithAnOutdatedMap();
    a.memory.fill(true);
    a.start();
    nodes.pass(Duration.ofSeconds(5));
    nodes.await(a.volume().members().join("c"));
    a.crash();
    a.memory.fill(false);
    a.start();
    nodes.pass(Duration.ofSeconds(5));
    a.expect(Bytes.with(content, 2 * BLOCK, Bytes.of(7, BLOCK)));
  }

  /** The taker's map is on disk as it was before hosts were held; its state says what is not so. */
  private void powerLostWithAnOutdatedMap() throws IOException {
    open("pull", true);
    b.activate();
    nodes.wire.hold(Op.HANDOVER);
    activated = a.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    byte[] filled = Files.readAllBytes(a.memory.file(3));
    b.write(2 * BLOCK, Bytes.of(7, BLOCK));
    nodes.wire.pass(Op.HANDOVER);
    nodes.await(activated);
    ShareState first =
        a.memory.states().stream().filter(s -> !s.outdated().isEmpty()).findFirst().orElseThrow();
    assertEquals(List.of(new Run(2, 3)), first.outdated());
    assertTrue(a.state().outdated().isEmpty(), "the map is durable by now");
    a.losePower();
    Files.write(a.memory.file(3), filled);
    nodes.await(a.memory.put(first));
  }

  /** Node b owns what is not there yet, and node c asks for it. */
  private void askedWhileMoving() {
    open("move", true);
    nodes.wire.hold(Op.PRECOPY);
    nodes.wire.hold(Op.FETCH);
    c = nodes.share(a, "c");
    b.activate();
    nodes.wire.pass(Op.PRECOPY);
    nodes.wire.forget();
    nodes.wire.hold(Op.HANDOVER);
    activated = c.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
  }

  @Test
  void hostsOfTheTakerDoNotWaitForTheBackgroundOfTheOwner() {
    askedWhileMoving();
    assertNull(b.memory.state().pledge());
    assertTrue(nodes.wire.sent(Op.HANDOVER).isEmpty());
    c.write(0, Bytes.of(7, BLOCK));
    nodes.wire.pass(Op.FETCH);
    nodes.wire.pass(Op.HANDOVER);
    nodes.await(activated);
    c.expect(Bytes.with(content, 0, Bytes.of(7, BLOCK)));
  }

  @Test
  void theBackgroundRestsUntilNobodyComesForWhatWasPromised() {
    askedWhileMoving();
    b.volume().pace(new Mover.Pace(BLOCK, BLOCK));
    nodes.wire.pass(Op.FETCH);
    nodes.pass(Duration.ofSeconds(2));
    assertEquals(new ShareState.Pledge("c", false), b.memory.state().pledge());
    nodes.wire.forget();
    nodes.pass(Duration.ofSeconds(5));
    assertTrue(nodes.wire.sent(Op.FETCH).isEmpty());
    Mover.Status held = b.volume().move();
    assertEquals("paused", held == null ? "" : held.state());
    nodes.wire.cut("b", "c");
    nodes.pass(Nodes.IO_TIMEOUT);
    assertFalse(nodes.wire.sent(Op.FETCH).isEmpty());
  }
}
