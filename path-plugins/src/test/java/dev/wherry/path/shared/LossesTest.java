package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A FLUSH does not say that writes are durable which an owner was given, answered, and has lost
 * since.
 */
class LossesTest {
  @TempDir Path directory;
  private Nodes nodes;
  private Nodes.Node a;
  private Nodes.Node b;
  private Nodes.Node c;

  @BeforeEach
  void open() {
    nodes = new Nodes(directory, "pull", true);
    a = nodes.owner("a", Bytes.of(1, SIZE));
    b = nodes.share(a, "b");
    c = nodes.share(a, "c");
  }

  @AfterEach
  void close() {
    nodes.close();
  }

  private static void write(Nodes.Node node) {
    node.write(BLOCK, Bytes.of(2, 100));
  }

  private void flush(Nodes.Node node) {
    nodes.await(node.volume().flush());
  }

  /** Fails once, and the volume goes on. */
  private void expectLoss(Nodes.Node node) {
    NbdException failure = nodes.error(node.volume().flush());
    assertEquals(NbdError.EIO, failure.error());
    assertTrue(failure.isHarmless(), "the volume is to go on");
    assertTrue(String.valueOf(failure.getMessage()).contains("may be lost"), failure.getMessage());
    flush(node);
  }

  /** It has started, and the others have heard of it. */
  private void start(Nodes.Node node) {
    node.start();
    for (Nodes.Node other : new Nodes.Node[] {a, b, c}) {
      if (other != node) {
        node.volume().up(other.name);
      }
    }
    nodes.pass(Duration.ofSeconds(1));
  }

  @Test
  void aFlushFailsIfTheOwnerHasLostItsPowerSinceTheHostWrote() {
    write(b);
    a.losePower();
    start(a);
    expectLoss(b);
    write(b);
    flush(b);
  }

  @Test
  void soDoesOneThatIsAskedBeforeTheOwnerIsBack() {
    write(b);
    a.losePower();
    CompletableFuture<Void> flush = b.volume().flush();
    a.start();
    assertEquals(NbdError.EIO, nodes.error(flush).error());
    flush(b);
  }

  @Test
  void zeroesAndTrimsAreChangesToo() {
    nodes.await(b.volume().zero(0, 100, 0));
    nodes.await(c.volume().trim(0, BLOCK, 0));
    a.losePower();
    start(a);
    expectLoss(b);
    expectLoss(c);
  }

  @Test
  void aWriteAfterTheLossDoesNotHideTheOneBefore() {
    write(b);
    a.losePower();
    start(a);
    write(b);
    expectLoss(b);
  }

  @Test
  void theCrashOfTheOwnersDaemonLosesNothing() {
    write(b);
    a.crash();
    start(a);
    flush(b);
  }

  @Test
  void norDoesAPowerLossAfterACrashGoUnnoticed() {
    write(b);
    a.crash();
    start(a);
    a.losePower();
    start(a);
    expectLoss(b);
  }

  @Test
  void anOwnerThatStopsInPeaceLosesNothing() {
    write(b);
    a.reboot();
    a.volume().up("b");
    nodes.pass(Duration.ofSeconds(1));
    flush(b);
    assertEquals(0, a.state().losses());
  }

  @Test
  void anOwnerThatCannotFlushWhenItStopsRemembersThat() {
    write(b);
    a.disk.failFlushes(true);
    a.stop();
    a.disk.failFlushes(false);
    start(a);
    expectLoss(b);
  }

  @Test
  void soDoesOneThatCannotWhenItStarts() {
    b.activate();
    write(c);
    b.crash();
    b.disk.failFlushes(true);
    b.start();
    b.disk.failFlushes(false);
    b.crash();
    start(b);
    expectLoss(c);
  }

  @Test
  void whatWasFlushedOrCameWithFuaIsNotLost() {
    write(b);
    flush(b);
    nodes.await(b.volume().write(0, Bytes.lend(new byte[10]), Export.FUA));
    a.losePower();
    start(a);
    flush(b);
  }

  @Test
  void aNodeWhoseHostsWroteNothingIsNotAlarmed() {
    write(b);
    a.losePower();
    start(a);
    flush(c);
    expectLoss(b);
  }

  @Test
  void theLossIsDurableBeforeTheOwnerServes() {
    write(b);
    a.losePower();
    a.memory.fail(true);
    a.start();
    a.memory.fail(false);
    assertEquals(NbdError.EIO, nodes.error(a.volume().read(0, 1)).error());
    a.crash();
    start(a);
    assertEquals(1, a.memory.state().losses());
    expectLoss(b);
  }

  @Test
  void aStandbyWhoseDaemonCrashesRemembersThatItsHostsMayNotHaveFlushed() {
    write(b);
    b.crash();
    a.losePower();
    b.start();
    start(a);
    expectLoss(b);
  }

  @Test
  void alsoIfItHadHeardOfTheLossBeforeItsHostsHad() {
    write(b);
    a.losePower();
    start(a);
    b.crash();
    b.start();
    expectLoss(b);
    b.crash();
    b.start();
    flush(b);
  }

  @Test
  void alsoIfItWasStoppedWhileSomethingWasNotFlushed() {
    write(b);
    b.stop();
    a.losePower();
    start(a);
    b.start();
    expectLoss(b);
  }

  @Test
  void aStandbyThatWasStoppedInPeaceIsNotAlarmed() {
    write(b);
    flush(b);
    b.stop();
    a.losePower();
    b.start();
    start(a);
    flush(b);
  }

  /** Else the count would seem to have grown while its hosts' first FLUSH was under way. */
  @Test
  void aNodeThatStartsAnewRemembersTheCount() {
    a.losePower();
    start(a);
    assertEquals(1, b.memory.state().losses());
    b.stop();
    nodes.wire.hold(Op.SYNC); // nobody tells it
    b.start();
    flush(b);
    nodes.wire.pass(Op.SYNC);
  }

  @Test
  void theTakerTellsItsOwnHostsWhatTheOwnerLostBefore() {
    write(b);
    a.losePower();
    start(a);
    b.activate();
    assertEquals(Role.OWNER, b.state().role());
    expectLoss(b);
  }

  @Test
  void soItDoesAfterACrashOfItsOwnDaemon() {
    write(b);
    a.losePower();
    start(a);
    b.activate();
    b.crash();
    start(b);
    expectLoss(b);
    b.crash();
    start(b);
    flush(b); // it was told
  }

  @Test
  void theTakerTellsNobodyElsesHosts() {
    write(b);
    a.losePower();
    start(a);
    b.activate();
    nodes.pass(Duration.ofSeconds(1));
    flush(c);
    assertFalse(b.volume().isPlain());
    expectLoss(b);
  }

  @Test
  void aHandOverFlushesWhatWasForwarded() {
    write(b);
    write(c);
    b.activate();
    flush(b);
    flush(c);
  }

  @Test
  void theCountGoesWithTheOwnership() {
    a.losePower();
    start(a);
    b.activate();
    c.activate();
    assertEquals(1, c.memory.state().losses());
    write(a);
    c.losePower();
    start(c);
    assertEquals(2, c.memory.state().losses());
    expectLoss(a);
    nodes.await(c.volume().giveTo("b"));
    assertEquals(2, b.memory.state().losses());
  }

  @Test
  void aFormerOwnerThatLosesItsPowerHasNothingToLose() {
    b.activate();
    write(c);
    a.losePower();
    start(a);
    flush(c);
  }

  @Test
  void aForcedTakeOverCountsForTheHostsOfAllNodes() {
    write(b);
    write(c);
    a.losePower();
    nodes.await(b.volume().activate(true));
    nodes.await(b.volume().members().join("c"));
    nodes.tell(b, c, "b", 65_536);
    nodes.pass(Duration.ofSeconds(1));
    assertEquals(65_536, b.memory.state().losses());
    expectLoss(b);
    expectLoss(c);
  }

  @Test
  void aFlushThatFailedAtTheOwnerCountsAlsoAfterItIsOpenedAnew() {
    write(b);
    a.disk.failFlushes(true);
    assertEquals(NbdError.EIO, nodes.error(a.volume().flush()).error());
    a.disk.failFlushes(false);
    a.crash();
    start(a);
    expectLoss(b);
  }

  /** It had let go of the volume before it failed, and comes back when it is well again. */
  @Test
  void aHostOfTheOwnersOwnThatDidNotSeeTheVolumeFailHearsOfItToo() {
    write(a);
    a.disk.failFlushes(true);
    nodes.error(b.volume().flush());
    a.disk.failFlushes(false);
    a.crash();
    start(a);
    a.volume().up("b");
    nodes.pass(Duration.ofSeconds(1));
    expectLoss(a);
    a.stop();
    start(a);
    flush(a);
  }

  /** The host whose flush it was has been told; the others have not. */
  @Test
  void alsoWhereItWasAnotherHostsFlushThatFailed() {
    write(a);
    a.disk.failFlushes(true);
    nodes.error(a.volume().flush());
    a.disk.failFlushes(false);
    a.crash();
    start(a);
    expectLoss(a);
  }

  /** A flush covers what was answered before it began, and nothing else. */
  @Test
  void alsoWhereItWasWritingWhenItFlushed() {
    CompletableFuture<Void> held = a.disk.holdWrites();
    ByteBuf data = Unpooled.wrappedBuffer(Bytes.of(2, 100));
    CompletableFuture<Void> write = a.volume().write(BLOCK, data, 0);
    flush(a);
    a.disk.passWrites();
    held.complete(null);
    nodes.await(write);
    a.disk.failFlushes(true);
    nodes.error(b.volume().flush());
    a.disk.failFlushes(false);
    a.crash();
    start(a);
    expectLoss(a);
  }

  /** Its write was not flushed by its flush, nor answered when the one of another host failed. */
  @Test
  void alsoWhereItsWriteEndsAfterItsFlushAndTheLoss() {
    CompletableFuture<Void> held = a.disk.holdWrites();
    ByteBuf data = Unpooled.wrappedBuffer(Bytes.of(2, 100));
    CompletableFuture<Void> write = a.volume().write(BLOCK, data, 0);
    flush(a);
    a.disk.failFlushes(true);
    nodes.error(b.volume().flush());
    a.disk.failFlushes(false);
    a.disk.passWrites();
    held.complete(null);
    nodes.await(write);
    a.crash();
    start(a);
    expectLoss(a);
    a.crash();
    start(a);
    flush(a); // it was told
  }

  @Test
  void aHostOfTheOwnersOwnThatHadFlushedAllIsNotAlarmed() {
    write(a);
    flush(a);
    write(b);
    a.disk.failFlushes(true);
    nodes.error(b.volume().flush());
    a.disk.failFlushes(false);
    a.crash();
    start(a);
    flush(a);
    expectLoss(b);
  }

  @Test
  void aNodeInBetweenPassesTheOwnersCountOn() {
    c.activate();
    c.losePower();
    start(c);
    LinkRequest write =
        new LinkRequest(
            Op.WRITE, Nodes.SUID, 2, 0, 4, Serving.VIA, Bytes.lend(new byte[] {1, 2, 3, 4}));
    LinkReply reply =
        nodes.await(nodes.wire.call("b", "a", write, Priority.DEMAND, Nodes.IO_TIMEOUT));
    assertEquals(1, Payloads.readLosses(reply.payload(), 0));
    reply.payload().release();
    assertEquals(Role.FORMER, a.state().role());
  }
}
