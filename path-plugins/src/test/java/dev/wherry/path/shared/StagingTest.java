package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.TestPolicies;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The batch on disk: its format, and what becomes of one that is torn or damaged. */
class StagingTest {
  private static final int BLOCK = 4096;
  private static final int SIZE = 16 * BLOCK;
  private static final int PIECES = 8192;
  private static final byte[] OLD = Bytes.of(1, SIZE);
  private static final byte[] NEW = Bytes.of(2, BLOCK);

  @TempDir Path directory;
  private Path file;
  private Disk disk;
  private LayeredStore store;
  private Receiver receiver;

  @BeforeEach
  void begin() {
    file = directory.resolve("v.batch");
    disk = new Disk(SIZE);
    disk.put(0, OLD);
    Policies policies = new Policies(TestPolicies.SHIPPED, "pull", List.of(), BLOCK);
    store = new LayeredStore(disk, SIZE, BLOCK, null, policies);
  }

  @AfterEach
  void end() {
    disk.free();
  }

  private FileBatchLog log() {
    return new FileBatchLog(file, Runnable::run, system -> 0);
  }

  /** A batch of a block of data at block 3 and two of zeroes at 5; its number is 1. */
  private Staging staged() {
    Staging staging = new Staging(log(), store);
    assertEquals(1, staging.begin().join());
    staging.put(1, 3 * BLOCK, BLOCK, Bytes.lend(NEW)).join();
    staging.put(1, 5 * BLOCK, 2 * BLOCK, null).join();
    return staging;
  }

  /** Leaves that batch committed and, since the store fails, not applied. */
  private void committed() {
    Staging staging = staged();
    disk.failWrites(true);
    failure(staging.commit(1, 7, 2));
    disk.failWrites(false);
    staging.close().join();
  }

  private static NbdException failure(CompletableFuture<?> of) {
    return (NbdException)
        Failures.causeOf(assertThrows(CompletionException.class, of::join, "it works"));
  }

  private static byte[] batched() {
    byte[] all = Bytes.with(OLD, 3 * BLOCK, NEW);
    return Bytes.with(all, 5 * BLOCK, new byte[2 * BLOCK]);
  }

  private void expect(byte[] content) {
    assertArrayEquals(content, disk.content(0, SIZE));
  }

  private static int crc(byte[] bytes, int from, int to) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, to - from);
    return (int) crc.getValue();
  }

  // ------------------------------------------------------------------ the format

  @Test
  void theFileIsAsItIsDrawn() throws IOException {
    committed();
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer head = ByteBuffer.wrap(bytes, 4096, 60);
    assertEquals(0x5748_4241_5443_4831L, head.getLong(), "WHBATCH1");
    assertEquals(1, head.getInt(), "version");
    assertEquals(2, head.getInt(), "state: committed");
    assertEquals(1, head.getLong(), "sequence");
    assertEquals(1, head.getLong(), "number");
    assertEquals(7, head.getLong(), "epoch");
    assertEquals(2, head.getLong(), "pieces");
    assertEquals(bytes.length, head.getLong(), "end");
    assertEquals(crc(bytes, 4096, 4096 + 56), head.getInt(), "CRC-32C");

    ByteBuffer data = ByteBuffer.wrap(bytes, PIECES, 36);
    assertEquals(0x5049_4543, data.getInt(), "PIEC");
    assertEquals(1, data.getInt(), "kind: data");
    assertEquals(1, data.getLong(), "number");
    assertEquals(3 * BLOCK, data.getLong(), "offset");
    assertEquals(BLOCK, data.getLong(), "length");
    byte[] covered = Arrays.copyOf(Bytes.part(bytes, PIECES, 32), 32 + BLOCK);
    System.arraycopy(NEW, 0, covered, 32, BLOCK);
    assertEquals(crc(covered, 0, covered.length), data.getInt(), "CRC-32C of both");
    assertArrayEquals(NEW, Bytes.part(bytes, PIECES + 36, BLOCK));

    int at = PIECES + 36 + BLOCK;
    ByteBuffer zeroes = ByteBuffer.wrap(bytes, at, 36);
    assertEquals(0x5049_4543, zeroes.getInt(), "PIEC");
    assertEquals(2, zeroes.getInt(), "kind: zeroes");
    assertEquals(1, zeroes.getLong(), "number");
    assertEquals(5 * BLOCK, zeroes.getLong(), "offset");
    assertEquals(2 * BLOCK, zeroes.getLong(), "length");
    assertEquals(crc(bytes, at, at + 32), zeroes.getInt(), "CRC-32C");
    assertEquals(at + 36, bytes.length);
  }

  @Test
  void anAppliedBatchLeavesItsNumberAndNothingElse() throws IOException {
    Staging staging = staged();
    staging.commit(1, 7, 2).join();
    staging.close().join();
    expect(batched());
    assertEquals(PIECES, Files.size(file));
    assertEquals(1, ByteBuffer.wrap(Files.readAllBytes(file)).getInt(12), "state: applied");
    Staging next = new Staging(log(), store);
    assertEquals(1, next.committed().join());
    assertEquals(2, next.begin().join(), "numbers grow over restarts");
    next.close().join();
  }

  // ------------------------------------------------------------------ after a crash

  @Test
  void whatWasCommittedIsAppliedByTheNextLife() {
    committed();
    expect(OLD);
    Staging next = new Staging(log(), store);
    next.finish().join();
    expect(batched());
    next.close().join();
  }

  @Test
  void whatWasNotCommittedIsForgottenWhereverItEnds() throws IOException {
    staged().close().join();
    byte[] all = Files.readAllBytes(file);
    for (int length = 0; length <= all.length; length += length < PIECES ? 1024 : 61) {
      Files.write(file, Arrays.copyOf(all, length));
      Staging next = new Staging(log(), store);
      next.finish().join();
      expect(OLD);
      assertTrue(Files.size(file) <= PIECES, "it takes no room");
      assertEquals(NbdError.EIO, failure(next.commit(1, 7, 2)).error(), "it comes too late");
      next.close().join();
    }
  }

  @Test
  void aHeadThatIsTornLeavesTheOneBefore() throws IOException {
    committed();
    byte[] all = Files.readAllBytes(file);
    for (int at = 0; at < 60; at++) {
      byte[] torn = all.clone();
      torn[4096 + at] ^= (byte) (1 << (at % 8));
      Files.write(file, torn);
      Staging next = new Staging(log(), store);
      next.finish().join();
      expect(OLD);
      next.close().join();
    }
  }

  // ------------------------------------------------------------------ no room

  @Test
  void aBatchForWhichThereIsNoRoomTakesNoneAndIsTakenOnceThereIs() throws IOException {
    staged().close().join();
    long[] booked = {Long.MAX_VALUE / 2};
    Staging staging = new Staging(new FileBatchLog(file, Runnable::run, on -> booked[0]), store);
    long first = staging.begin().join();
    assertEquals(PIECES, Files.size(file), "what was sent in vain is gone");
    CompletableFuture<Void> put = staging.put(first, 3 * BLOCK, BLOCK, Bytes.lend(NEW));
    assertEquals(NbdError.ENOSPC, failure(put).error());
    CompletableFuture<Void> more = staging.put(first, 4 * BLOCK, BLOCK, Bytes.lend(NEW));
    assertEquals(NbdError.ENOSPC, failure(more).error(), "the reason stays what it is");
    assertEquals(NbdError.EIO, failure(staging.commit(first, 7, 1)).error());
    expect(OLD);
    booked[0] = 0;
    long next = staging.begin().join();
    staging.put(next, 3 * BLOCK, BLOCK, Bytes.lend(NEW)).join();
    staging.put(next, 5 * BLOCK, 2 * BLOCK, null).join();
    staging.commit(next, 7, 2).join();
    expect(batched());
    staging.close().join();
  }

  // ------------------------------------------------------------------ damage

  private Path kept() {
    return directory.resolve("v.batch.damaged");
  }

  /** It is set aside, and that is remembered; the store is as it was. */
  private void expectSetAside(byte[] wrong) throws IOException {
    Files.write(file, wrong);
    Staging next = new Staging(log(), store);
    next.finish().join();
    expect(OLD);
    assertArrayEquals(wrong, Files.readAllBytes(kept()), "it is left for people to look at");
    assertTrue(String.valueOf(next.damage()).contains("batch 1 "), next.damage());
    assertEquals(NbdError.EIO, failure(next.commit(1, 7, 2)).error(), "it is not applied");
    next.close().join();
    Staging later = new Staging(log(), store);
    later.finish().join();
    assertNotNull(later.damage());
    later.close().join();
  }

  @Test
  void aCommittedBatchOfWhichABitIsWrongIsNotAppliedAtAll() throws IOException {
    committed();
    byte[] all = Files.readAllBytes(file);
    for (int at = PIECES;
        at < all.length;
        at += at < PIECES + 40 || at > all.length - 40 ? 1 : 97) {
      byte[] wrong = all.clone();
      wrong[at] ^= (byte) (1 << (at % 8));
      expectSetAside(wrong);
    }
  }

  @Test
  void aCommittedBatchThatEndsTooSoonIsNotAppliedAtAll() throws IOException {
    committed();
    byte[] all = Files.readAllBytes(file);
    for (int length = PIECES; length < all.length; length += 89) {
      expectSetAside(Arrays.copyOf(all, length));
    }
  }

  @Test
  void aPieceThatDoesNotFitTheVolumeIsNotApplied() throws IOException {
    committed();
    byte[] all = Files.readAllBytes(file);
    int at = PIECES + 36 + BLOCK;
    for (long offset : new long[] {-1, SIZE - BLOCK, Long.MAX_VALUE - 1}) {
      byte[] wrong = all.clone();
      ByteBuffer.wrap(wrong).putLong(at + 16, offset).putInt(at + 32, 0);
      ByteBuffer.wrap(wrong).putInt(at + 32, crc(wrong, at, at + 32));
      expectSetAside(wrong);
    }
  }

  /** Leaves a batch committed and damaged. */
  private void damaged() throws IOException {
    committed();
    byte[] all = Files.readAllBytes(file);
    all[PIECES + 100] ^= 1;
    Files.write(file, all);
  }

  @Test
  void theNextBatchHealsWhatADamagedOneHasLeft() throws IOException {
    damaged();
    Staging next = new Staging(log(), store);
    assertEquals(2, next.begin().join(), "numbers grow all the same");
    assertNotNull(next.damage());
    next.put(2, 3 * BLOCK, BLOCK, Bytes.lend(NEW)).join();
    next.put(2, 5 * BLOCK, 2 * BLOCK, null).join();
    assertNotNull(next.damage());
    next.commit(2, 7, 2).join();
    assertNull(next.damage());
    expect(batched());
    next.close().join();
    Staging later = new Staging(log(), store);
    assertEquals(2, later.committed().join());
    assertNull(later.damage());
    later.close().join();
  }

  @Test
  void soDoesAnOwnersMap() throws IOException {
    damaged();
    Staging next = new Staging(log(), store);
    next.finish().join();
    next.accept().join();
    assertNull(next.damage());
    next.close().join();
    Staging later = new Staging(log(), store);
    assertEquals(1, later.committed().join());
    assertNull(later.damage());
    later.close().join();
  }

  @Test
  void whoKnowsOnlyAppliedAndCommittedDoesNotTakeOneThatIsLostForApplied() throws IOException {
    damaged();
    Staging next = new Staging(log(), store);
    next.finish().join();
    next.close().join();
    ByteBuffer head = ByteBuffer.wrap(Files.readAllBytes(file));
    assertEquals(2, head.getInt(8), "version");
    assertEquals(3, head.getInt(12), "state: lost");
  }

  @Test
  void anotherVersionIsRefusedAndNamed() throws IOException {
    committed();
    byte[] all = Files.readAllBytes(file);
    ByteBuffer.wrap(all).putInt(4096 + 8, 3);
    ByteBuffer.wrap(all).putInt(4096 + 56, crc(all, 4096, 4096 + 56));
    Files.write(file, all);
    Staging next = new Staging(log(), store);
    String why = String.valueOf(failure(next.finish()).getMessage());
    assertTrue(why.contains("version 3, known are 1 and 2"), why);
    expect(OLD);
    next.close().join();
  }

  // ------------------------------------------------------------------ at the receiver

  @Test
  void aReceiverWithADamagedBatchSaysSoAndIsSealedAllTheSame() throws IOException {
    damaged();
    receiver = new Receiver(store, log());
    receiver.seal().join();
    assertNotNull(receiver.damage());
    expect(OLD);
    receiver.close().join();
  }

  @Test
  void aReceiverOfANewStoreForgetsWhatWasSentForTheOldOne() {
    committed();
    receiver = new Receiver(store, log());
    receiver.discard().join();
    receiver.close().join();
    receiver = new Receiver(store, log());
    receiver.recover().join();
    expect(OLD);
    receiver.close().join();
  }

  private LinkReply ask(Op op, long offset, long length, int flags, ByteBuf payload) {
    return reply(op, offset, length, flags, payload).join();
  }

  private CompletableFuture<LinkReply> reply(
      Op op, long offset, long length, int flags, ByteBuf payload) {
    LinkRequest request =
        LinkRequest.of(op, "v", 7, offset, length).withFlags(flags).withPayload(payload);
    CompletableFuture<LinkReply> reply = receiver.serve(request, 7);
    assertNotNull(reply, "it is taken");
    return reply.whenComplete((v, failure) -> payload.release());
  }

  @Test
  void aStoreIsGivenUpOnceTheBatchThatIsBeingAppliedHasEnded() {
    receiver = new Receiver(store, log());
    LinkReply begun = ask(Op.BATCH_DATA, 0, 0, NodeSink.BEGIN, Payloads.buffer(8).writeLong(0));
    long number = begun.payload().skipBytes(8).readLong();
    begun.payload().release();
    ByteBuf piece = Payloads.buffer(8 + BLOCK).writeLong(number).writeBytes(NEW);
    ask(Op.BATCH_DATA, 3 * BLOCK, BLOCK, 0, piece).payload().release();
    CompletableFuture<Void> hold = disk.holdWrites();
    CompletableFuture<LinkReply> commit =
        reply(Op.BATCH_COMMIT, 0, 0, 0, Payloads.buffer(16).writeLong(number).writeLong(1));
    CompletableFuture<Void> givenUp = receiver.discard();
    assertFalse(givenUp.isDone(), "the store is being written");
    hold.complete(null);
    commit.join().payload().release();
    givenUp.join();
    receiver.close().join();
  }
}
