package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.Op;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Requests that an owner may have done, or still does, when another node takes over by force. */
class OvertakenRequestsTest extends ForcedTakeOverNodes {
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
}
