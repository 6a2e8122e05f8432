package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.link.Op;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** A daemon that goes down while something is under way: all of it ends, and no buffer is left. */
class ClosingTest extends TwoNodes {
  private void open(String policy) {
    open(policy, true);
  }

  @Test
  void aReadThatFetchesIsFinishedOrFailsAndTheStoreIsClosedAfterIt() {
    open("pull");
    b.activate();
    nodes.wire.holdAnswers(Op.FETCH);
    CompletableFuture<ByteBuf> read = b.volume().read(0, BLOCK);
    nodes.pass(Duration.ofSeconds(1));
    CompletableFuture<Void> closed = b.volume().close();
    nodes.pass(Duration.ofSeconds(1));
    assertFalse(closed.isDone() && !read.isDone(), "closed under a request");
    nodes.wire.passAnswers();
    assertArrayEquals(Bytes.part(content, 0, BLOCK), Bytes.take(nodes.await(read)));
    nodes.await(closed);
    assertTrue(b.disk.closed());
  }

  @Test
  void aForwardedReadIsFinished() {
    open("pull");
    nodes.wire.holdAnswers(Op.READ);
    CompletableFuture<ByteBuf> read = b.volume().read(0, BLOCK);
    nodes.pass(Duration.ofSeconds(1));
    CompletableFuture<Void> closed = b.volume().close();
    nodes.wire.passAnswers();
    assertArrayEquals(Bytes.part(content, 0, BLOCK), Bytes.take(nodes.await(read)));
    nodes.await(closed);
  }

  @Test
  void whatIsCopiedAheadEndsWithoutALeak() {
    open("move");
    nodes.wire.holdAnswers(Op.PRECOPY);
    nodes.pass(Duration.ofSeconds(1));
    CompletableFuture<Void> closed = b.volume().close();
    nodes.pass(Duration.ofSeconds(1));
    nodes.wire.passAnswers();
    nodes.await(closed);
    assertTrue(b.disk.closed());
  }

  @Test
  void aMoveFromANodeThatIsGoneDoesNotHoldTheEndUpForEver() {
    open("move");
    nodes.wire.hold(Op.PRECOPY);
    b.activate();
    nodes.wire.cut("a", "b");
    nodes.pass(Duration.ofSeconds(1));
    b.stop();
    assertTrue(b.disk.closed());
  }

  @Test
  void anOwnerThatEndsWhileItGivesTheVolumeAwayHasGivenItOrNot() {
    open("pull");
    CompletableFuture<Void> disk = a.disk.holdWrites();
    CompletableFuture<Void> slow = a.volume().write(0, Bytes.lend(Bytes.of(2, BLOCK)), 0);
    CompletableFuture<Void> activated = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    CompletableFuture<Void> closed = a.volume().close();
    a.disk.passWrites();
    disk.complete(null);
    nodes.await(slow);
    nodes.await(closed);
    nodes.failure(activated);
    a.start();
    nodes.mend(a, b);
    assertTrue((a.state().role() == Role.OWNER) != (b.state().role() == Role.OWNER));
    byte[] expected = Bytes.with(content, 0, Bytes.of(2, BLOCK));
    a.expect(expected);
    b.expect(expected);
  }

  @Test
  void aSecondCloseDoesNothing() {
    open("pull");
    b.activate();
    nodes.await(b.volume().close());
    nodes.await(b.volume().close());
  }

  @Test
  void theStoreMayBeTakenAwayForThePlainHandler() {
    open("pull");
    b.activate();
    b.expect(content);
    a.release();
    assertTrue(nodes.await(b.volume().detachStore()) == b.disk);
    assertFalse(b.disk.closed());
    b.start();
  }
}
