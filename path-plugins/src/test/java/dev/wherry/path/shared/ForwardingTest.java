package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** What a node does for its hosts that does not own the volume. */
class ForwardingTest extends TwoNodes {
  private void open(boolean manual) {
    open("pull", manual);
  }

  @Test
  void aStandbyAnswersEveryReadFromTheOwner() {
    open(false);
    b.expect(content);
    a.write(100, Bytes.of(2, 10));
    b.expect(Bytes.with(content, 100, Bytes.of(2, 10)));
    assertEquals(Role.STANDBY, b.state().role());
    assertEquals(0, b.volume().blocks().here());
  }

  @Test
  void aStandbyForwardsWritesUnderManualAndStaysOne() {
    open(true);
    b.write(100, Bytes.of(2, 10));
    nodes.await(b.volume().zero(BLOCK, 100, 0));
    nodes.await(b.volume().trim(3 * BLOCK, BLOCK, 0));
    byte[] expected = Bytes.with(content, 100, Bytes.of(2, 10));
    expected = Bytes.with(expected, BLOCK, new byte[100]);
    a.expect(Bytes.with(expected, 3 * BLOCK, new byte[BLOCK]));
    nodes.pass(Duration.ofMinutes(1));
    assertEquals(Role.STANDBY, b.state().role());
    assertEquals(List.of(), nodes.wire.sent(Op.HANDOVER));
  }

  @Test
  void aFlushAtAStandbyIsOneAtTheOwner() {
    open(true);
    int before = a.disk.flushes();
    nodes.await(b.volume().flush());
    assertEquals(before + 1, a.disk.flushes());
  }

  @Test
  void allNodesTellHostsTheSameOfTheVolume() {
    open(true);
    assertEquals(a.volume().info(), b.volume().info());
    List<Extent> there = nodes.await(b.volume().status(Extent.BASE_ALLOCATION, 0, SIZE, 100));
    assertEquals(nodes.await(a.volume().status(Extent.BASE_ALLOCATION, 0, SIZE, 100)), there);
  }

  @Test
  void theStateContextIsAboutTheNodeThatIsAsked() {
    open(true);
    assertEquals(
        List.of(new Extent(SIZE, BlockState.NOT_HERE)),
        nodes.await(b.volume().status(BlockState.CONTEXT, 0, SIZE, 10)));
  }

  @Test
  void aHostOfAnotherNodeIsServedWhatTheOwnersIs() {
    open(true);
    a.disk.failWrites(true);
    assertEquals(
        NbdError.EIO, nodes.error(b.volume().write(0, Bytes.lend(new byte[10]), 0)).error());
  }

  @Test
  void aRequestThatNobodyAnswersFailsInBoundedTimeAndTheVolumeDoesNot() {
    open(true);
    nodes.wire.cut("a", "b");
    long began = nodes.time.now();
    assertEquals(NbdError.EIO, nodes.error(b.volume().read(0, 10)).error());
    assertTrue(nodes.error(b.volume().flush()).isHarmless(), "a FLUSH that was not asked for");
    assertTrue(nodes.time.now() - began <= 3 * Nodes.IO_TIMEOUT.toNanos());
    nodes.mend(a, b);
    b.expect(content);
    nodes.await(b.volume().flush());
  }

  @Test
  void aRequestWaitsForTheLinkWithinItsTime() {
    open(true);
    nodes.wire.cut("a", "b");
    CompletableFuture<ByteBuf> read = b.volume().read(0, 10);
    nodes.pass(Duration.ofSeconds(20));
    assertFalse(read.isDone());
    nodes.mend(a, b);
    assertArrayEquals(Bytes.part(content, 0, 10), Bytes.take(nodes.await(read)));
  }

  @Test
  void aRequestOfAnOlderEpochIsToldWhoOwnsItAndDoesNothing() {
    open(true);
    b.activate();
    LinkReply reply =
        nodes.call(
            a,
            b,
            new LinkRequest(Op.WRITE, Nodes.SUID, 1, 0, 4, 0, Bytes.lend(new byte[] {1, 2, 3, 4})));
    assertEquals(Status.STALE, reply.status());
    assertEquals("b", reply.text());
    assertEquals(2, reply.epoch());
    b.expect(content);
  }

  @Test
  void aNodeWithoutAPartIsServedNothing() {
    open(true);
    nodes.await(a.volume().members().leave("b"));
    LinkReply reply = nodes.call(b, a, LinkRequest.of(Op.READ, Nodes.SUID, 1, 0, 10));
    assertEquals(Status.REFUSED, reply.status());
  }

  @Test
  void aHostOfANodeThatIsAskedToLeaveIsServedUntilItHas() {
    open(true);
    nodes.await(a.volume().members().leaving("b"));
    assertArrayEquals(Bytes.part(content, 0, 10), b.read(0, 10));
    nodes.await(a.volume().members().gone("b"));
    CompletableFuture<ByteBuf> read = b.volume().read(0, 10);
    assertTrue(nodes.failure(read).getMessage().contains("node b has no part in volume v"));
  }

  @Test
  void aRequestPastTheEndIsRefused() {
    open(true);
    LinkReply reply = nodes.call(b, a, LinkRequest.of(Op.READ, Nodes.SUID, 1, SIZE, 1));
    assertEquals(NbdError.EINVAL, reply.error());
    LinkReply short_ = nodes.call(b, a, LinkRequest.of(Op.WRITE, Nodes.SUID, 1, 0, 10));
    assertEquals(NbdError.EINVAL, short_.error());
  }

  @Test
  void aClosedVolumeServesNobody() {
    open(true);
    CompletableFuture<LinkReply> reply;
    SharedVolume v = a.volume();
    a.stop();
    reply = v.serve("b", Nodes.request(Op.FLUSH, 1), dev.wherry.path.link.Priority.DEMAND);
    assertEquals(Status.REFUSED, reply.join().status());
  }
}
