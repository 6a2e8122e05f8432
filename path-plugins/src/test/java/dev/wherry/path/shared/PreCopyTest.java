package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.BLOCKS;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a standby under the policy {@code move} has at the hand-over, and what it has not. */
class PreCopyTest extends TwoNodes {
  @BeforeEach
  void open() {
    open("move", true);
  }

  private void preCopyAll() {
    nodes.pass(Duration.ofSeconds(30));
    assertArrayEquals(content, b.disk.content(0, SIZE), "all is there ahead");
    assertEquals(0, b.volume().blocks().here(), "but counts for nothing");
  }

  /** What is fetched from the hand-over on until all is here. */
  private List<Wire.Sent> fetchedAfterActivation() {
    b.activate();
    nodes.pass(Duration.ofSeconds(30));
    assertEquals(BLOCKS, b.volume().blocks().here());
    return nodes.wire.sent(Op.FETCH);
  }

  @Test
  void whatNobodyTouchedIsHereAtOnce() {
    preCopyAll();
    b.activate();
    assertEquals(BLOCKS, b.volume().blocks().here());
    b.expect(content);
    assertEquals(List.of(), nodes.wire.sent(Op.FETCH));
  }

  /** It would be taken for what the present owner sent, and be older. */
  @Test
  void whatAFormerOwnerSendsLateIsDropped() {
    Nodes.Node c = nodes.share(a, "c");
    preCopyAll();
    nodes.wire.holdAnswers(Op.PRECOPY);
    nodes.wire.passAnswersOf("c");
    nodes.wire.forget();
    a.write(3 * BLOCK, Bytes.of(7, BLOCK));
    nodes.pass(Duration.ofSeconds(10));
    assertEquals(3 * BLOCK, nodes.wire.sent(Op.PRECOPY).get(0).offset());
    c.activate();
    byte[] newer = Bytes.of(8, SIZE);
    c.write(0, newer);
    nodes.mend(b, c);
    nodes.pass(Duration.ofSeconds(5));
    assertArrayEquals(newer, b.disk.content(0, SIZE), "all is there ahead");
    nodes.wire.passAnswers();
    nodes.pass(Duration.ofSeconds(5));
    b.activate();
    b.expect(newer);
  }

  @Test
  void whatTheDiskFailedToKeepIsNotValid() {
    preCopyAll();
    b.disk.failFlushes(true);
    assertTrue(nodes.refusal(b.volume().activate(false)).contains("the disk is broken"));
    // As a disk that reports an error once, and has forgotten what it had.
    b.disk.failFlushes(false);
    b.activate();
    assertEquals(0, b.volume().blocks().here());
  }

  static Stream<Function<SharedVolume, CompletableFuture<Void>>> changes() {
    return Stream.of(
        v -> v.write(3 * BLOCK + 7, Bytes.lend(new byte[10]), 0),
        v -> v.zero(3 * BLOCK + 7, 10, 0),
        v -> v.trim(3 * BLOCK, BLOCK, 0));
  }

  @ParameterizedTest
  @MethodSource("changes")
  void whatWasChangedSinceIsNotValid(Function<SharedVolume, CompletableFuture<Void>> change) {
    preCopyAll();
    nodes.await(change.apply(a.volume()));
    byte[] expected = a.read(0, SIZE);
    List<Wire.Sent> fetched = fetchedAfterActivation();
    assertEquals(
        List.of(new Wire.Sent("b", "a", Op.FETCH, Priority.BACKGROUND, 2, 3 * BLOCK, BLOCK)),
        fetched);
    b.expect(expected);
  }

  @Test
  void whatTheStandbysOwnHostsChangedIsNotValidEither() {
    preCopyAll();
    b.write(3 * BLOCK, Bytes.of(2, 2 * BLOCK));
    assertEquals(2 * BLOCK, fetchedAfterActivation().stream().mapToLong(s -> s.length()).sum());
    b.expect(Bytes.with(content, 3 * BLOCK, Bytes.of(2, 2 * BLOCK)));
  }

  @Test
  void aWriteThatIsAnsweredWhileTheCopyIsOnItsWayMakesItInvalid() {
    nodes.wire.holdAnswers(Op.PRECOPY);
    nodes.pass(Duration.ofSeconds(1));
    a.write(3 * BLOCK, Bytes.of(2, BLOCK));
    nodes.wire.passAnswers();
    nodes.pass(Duration.ofSeconds(30));
    b.activate();
    b.expect(Bytes.with(content, 3 * BLOCK, Bytes.of(2, BLOCK)));
  }

  @Test
  void aCopyIsNeverReadBeforeTheHandOver() {
    preCopyAll();
    a.write(0, Bytes.of(2, BLOCK));
    b.expect(Bytes.with(content, 0, Bytes.of(2, BLOCK)));
  }

  @Test
  void aStandbyThatStartedAnewHasNothing() {
    preCopyAll();
    nodes.wire.hold(Op.PRECOPY);
    nodes.wire.hold(Op.STATUS);
    b.stop();
    b.start();
    b.activate();
    nodes.wire.pass(Op.PRECOPY);
    nodes.wire.pass(Op.STATUS);
    nodes.pass(Duration.ofSeconds(30));
    assertEquals(SIZE, nodes.wire.bytes(Op.FETCH));
    b.expect(content);
  }

  @Test
  void anOwnerThatStartedAnewVouchesForNothing() {
    preCopyAll();
    a.stop();
    a.start();
    a.write(0, Bytes.of(2, BLOCK));
    b.activate();
    b.expect(Bytes.with(content, 0, Bytes.of(2, BLOCK)));
  }

  @Test
  void anAnswerThatHadToBeAskedForTwiceVouchesForNothing() {
    preCopyAll();
    nodes.wire.loseAnswer(Op.HANDOVER);
    nodes.refusal(b.volume().activate(false));
    nodes.mend(a, b);
    nodes.pass(Duration.ofSeconds(30));
    assertEquals(Role.OWNER, b.state().role());
    assertEquals(SIZE, nodes.wire.bytes(Op.FETCH));
    b.expect(content);
  }

  @Test
  void theMoveGoesOnAfterTheHandOverUntilAllIsHere() {
    nodes.wire.hold(Op.PRECOPY);
    assertEquals(SIZE, fetchedAfterActivation().stream().mapToLong(s -> s.length()).sum());
    nodes.wire.pass(Op.PRECOPY);
    assertArrayEquals(content, b.disk.content(0, SIZE));
  }
}
