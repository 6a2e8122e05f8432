package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.BLOCKS;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The passage of the ownership: when it happens, and what both nodes do for it. */
class HandOverTest extends HandOverNodes {
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
    nodes.await(a.volume().members().leave("b"));
    nodes.await(a.volume().members().join("b"));
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
}
