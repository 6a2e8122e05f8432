package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.Op;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A node crashes with writes that are not flushed, and starts on a full disk. */
class StartWithoutRoomTest extends TwoNodes {
  private static final byte[] WRITTEN = Bytes.of(2, BLOCK);

  /** Node b owns the volume, and has a block that is not flushed. */
  @BeforeEach
  void own() {
    open("pull", true);
    b.activate();
    b.write(0, WRITTEN);
  }

  private void crashAndStartOnAFullDisk() {
    b.memory.fill(true);
    b.crash();
    b.start();
  }

  /** A minute in which hosts of b wait; their read goes on when there is room. */
  private CompletableFuture<ByteBuf> hostsWait() {
    CompletableFuture<ByteBuf> read = b.volume().read(0, BLOCK);
    nodes.pass(Duration.ofMinutes(1));
    assertFalse(read.isDone());
    return read;
  }

  private void makeRoom() {
    b.memory.fill(false);
  }

  @Test
  void hostsWaitUntilWhatACrashLeftInDoubtCanBeWrittenDown() {
    crashAndStartOnAFullDisk();
    CompletableFuture<ByteBuf> read = hostsWait();
    makeRoom();
    assertArrayEquals(WRITTEN, Bytes.take(nodes.await(read)));
    b.write(BLOCK, WRITTEN);
    b.expect(Bytes.with(Bytes.with(content, 0, WRITTEN), BLOCK, WRITTEN));
  }

  /** What it serves with has to be in the catalog first: the disk that is full has that, too. */
  @Test
  void soTheyDoAfterARebootUntilTheCatalogHasRoom() {
    nodes.await(b.volume().flush());
    b.losePower();
    b.memory.fillCatalog(true);
    b.start();
    CompletableFuture<ByteBuf> read = hostsWait();
    assertEquals(0, b.memory.state().losses());
    b.memory.fillCatalog(false);
    assertArrayEquals(WRITTEN, Bytes.take(nodes.await(read)));
    assertEquals(1, b.memory.state().losses());
    b.write(BLOCK, WRITTEN);
    b.expect(Bytes.with(Bytes.with(content, 0, WRITTEN), BLOCK, WRITTEN));
  }

  @Test
  void soDoThoseOfANodeThatHasNoMap() {
    a.losePower();
    a.memory.fillCatalog(true);
    a.start();
    CompletableFuture<ByteBuf> read = a.volume().read(0, BLOCK);
    nodes.pass(Duration.ofSeconds(5));
    assertFalse(read.isDone());
    a.memory.fillCatalog(false);
    assertArrayEquals(WRITTEN, Bytes.take(nodes.await(read)));
  }

  /** A catalog that is broken is no full one. */
  @Test
  void aVolumeFailsWhoseCatalogCannotBeWrittenForAnotherReason() {
    b.losePower();
    b.memory.fillCatalog(true);
    b.start();
    nodes.pass(Duration.ofSeconds(5));
    b.memory.fail(true);
    nodes.pass(Duration.ofSeconds(5));
    assertNotNull(b.volume().failure());
    b.memory.fail(false);
  }

  @Test
  void aDaemonThatIsStoppedMeanwhileStops() {
    crashAndStartOnAFullDisk();
    nodes.pass(Duration.ofSeconds(5));
    b.stop();
    makeRoom();
    b.start();
    b.expect(Bytes.with(content, 0, WRITTEN));
  }

  /** The owner b promised the ownership to a, and crashed; what b has then is all that is left. */
  private void promiseToA() {
    CompletableFuture<Void> unused = promiseToAAndCrash();
    assertFalse(unused.isDone());
    nodes.wire.cut("a", "b");
    a.stop();
  }

  /**
   * The owner b promised the ownership to a, and crashed.
   *
   * @return what node a asks for, on its way still
   */
  private CompletableFuture<Void> promiseToAAndCrash() {
    nodes.wire.hold(Op.HANDOVER);
    CompletableFuture<Void> given = a.volume().activate(false);
    assertFalse(given.isDone());
    nodes.pass(Duration.ofSeconds(1));
    assertNotNull(b.memory.state().pledge());
    b.write(BLOCK, WRITTEN);
    crashAndStartOnAFullDisk();
    assertEquals(Role.FORMER, b.state().role());
    return given;
  }

  @Test
  void whoTakesTheOwnershipByForceIsToldToMakeRoom() {
    promiseToA();
    String refusal = noSpace(b.volume().activate(true));
    assertTrue(refusal.contains("no space for the block map's journal"), refusal);
  }

  /**
   * It is refused as what there is no room for, with what helps; ten seconds after it was asked.
   */
  private String noSpace(CompletableFuture<?> command) {
    nodes.pass(Duration.ofSeconds(9));
    assertFalse(command.isDone(), "it waits a while");
    nodes.pass(Duration.ofSeconds(2));
    assertTrue(command.isDone(), "and not longer");
    ShareException e = assertInstanceOf(ShareException.class, nodes.failure(command));
    assertEquals(Status.NO_SPACE, e.status());
    String refusal = String.valueOf(e.getMessage());
    assertTrue(refusal.contains("node b has no room to write down"), refusal);
    assertTrue(refusal.contains("make room where it keeps its data"), refusal);
    return refusal;
  }

  @Test
  void whoMakesRoomAndTakesItByForceNeedNotAskTwice() {
    promiseToA();
    CompletableFuture<Void> force = b.volume().activate(true);
    nodes.pass(Duration.ofSeconds(2));
    makeRoom();
    nodes.await(force);
    assertEquals(Role.OWNER, b.memory.state().role());
    assertEquals(65_536, b.memory.state().epoch());
    assertArrayEquals(WRITTEN, b.read(BLOCK, BLOCK));
  }

  /** The successor of a fenced node is lost for good. */
  @Test
  void norDoesWhoTakesItBack() {
    nodes.wire.cut("a", "b");
    nodes.await(a.volume().activate(true));
    nodes.mend(a, b);
    assertNotNull(b.memory.state().fence());
    crashAndStartOnAFullDisk();
    nodes.wire.cut("a", "b");
    CompletableFuture<Void> force = b.volume().activate(true);
    nodes.pass(Duration.ofSeconds(2));
    assertFalse(force.isDone());
    makeRoom();
    nodes.await(force);
    assertEquals(Role.OWNER, b.memory.state().role());
    assertArrayEquals(WRITTEN, b.read(0, BLOCK));
  }

  /** What the start has yet to do with the store must not come when that is freed. */
  @Test
  void whoReleasesTheStoreWhenThereIsRoomAgainFreesItAfterTheStart() {
    CompletableFuture<Void> given = promiseToAAndCrash();
    makeRoom();
    nodes.wire.pass(Op.HANDOVER);
    nodes.await(given);
    byte[] all = Bytes.with(Bytes.with(content, 0, WRITTEN), BLOCK, WRITTEN);
    a.expect(all);
    nodes.await(b.volume().release().thenCompose(BlockDevice::close));
    int flushes = b.disk.flushes();
    nodes.pass(Duration.ofSeconds(5));
    assertEquals(flushes, b.disk.flushes());
    assertNull(b.volume().failure());
    assertFalse(b.memory.state().hasStore());
    b.expect(all);
  }

  @Test
  void whoReleasesTheStoreIsToldToMakeRoom() {
    CompletableFuture<Void> unused = promiseToAAndCrash();
    assertFalse(unused.isDone());
    noSpace(b.volume().release());
    assertTrue(b.memory.state().hasStore());
  }

  // ------------------------------------------------------------------ what others ask of the owner

  @Test
  void aNodeThatAsksForTheOwnershipIsToldToMakeRoom() {
    crashAndStartOnAFullDisk();
    noSpace(a.volume().activate(false));
    assertEquals(Role.FORMER, a.memory.state().role());
    assertFalse(a.memory.state().wanted());
    makeRoom();
    nodes.pass(Duration.ofSeconds(2));
    a.activate();
    a.expect(Bytes.with(content, 0, WRITTEN));
  }

  @Test
  void itNeedNotAskTwiceIfThereIsRoomSoon() {
    crashAndStartOnAFullDisk();
    CompletableFuture<Void> taken = a.volume().activate(false);
    nodes.pass(Duration.ofSeconds(5));
    makeRoom();
    nodes.await(taken);
    assertEquals(Role.OWNER, a.memory.state().role());
    a.expect(Bytes.with(content, 0, WRITTEN));
  }

  @Test
  void whoGivesTheOwnershipAwayIsToldToMakeRoom() {
    crashAndStartOnAFullDisk();
    noSpace(b.volume().giveTo("a"));
    makeRoom();
    nodes.await(b.volume().giveTo("a"));
    assertEquals(Role.OWNER, a.memory.state().role());
  }

  @Test
  void soIsTheSourceThatAsksWhetherItMayFreeItsStore() {
    crashAndStartOnAFullDisk();
    noSpace(a.volume().release());
    assertTrue(a.memory.state().hasStore());
  }

  /** Nothing was flushed yet, and nothing is lost. */
  @Test
  void aTakerWhosePromiseACrashHasKeptIsToldToMakeRoomAndOfNoLoss() {
    CompletableFuture<Void> given = promiseToAAndCrash();
    nodes.wire.pass(Op.HANDOVER);
    noSpace(given);
    makeRoom();
    nodes.pass(Duration.ofSeconds(5));
    a.activate();
    assertEquals(0, a.memory.state().losses());
    a.expect(Bytes.with(Bytes.with(content, 0, WRITTEN), BLOCK, WRITTEN));
  }

  // ------------------------------------------------------------------ policies

  private CompletableFuture<Void> policies(String read, WritePolicy write) {
    return b.volume().policies(read, write, List.of(), true);
  }

  @Test
  void whoSetsAnotherWritePolicyIsToldToMakeRoomAndNothingHasChanged() {
    crashAndStartOnAFullDisk();
    noSpace(policies("redirect", WritePolicy.THROUGH));
    assertEquals(WritePolicy.LOCAL, b.state().write());
    assertEquals("pull", b.state().read());
    makeRoom();
    nodes.await(policies("redirect", WritePolicy.THROUGH));
    assertEquals(WritePolicy.THROUGH, b.state().write());
    b.expect(Bytes.with(content, 0, WRITTEN));
  }

  @Test
  void soIsWhoSaysThatHostsWaitForASourceThatIsAway() {
    a.stop();
    a.batches = new Batches();
    a.start();
    nodes.await(policies("pull", WritePolicy.THROUGH));
    b.write(BLOCK, WRITTEN);
    crashAndStartOnAFullDisk();
    noSpace(b.volume().stall(true));
    makeRoom();
    nodes.await(b.volume().stall(true));
    b.expect(Bytes.with(Bytes.with(content, 0, WRITTEN), BLOCK, WRITTEN));
  }

  @Test
  void anotherReadPolicyWaitsForNoRoom() {
    crashAndStartOnAFullDisk();
    assertTrue(policies("redirect", WritePolicy.LOCAL).isDone());
    assertEquals("redirect", b.memory.state().read());
  }
}
