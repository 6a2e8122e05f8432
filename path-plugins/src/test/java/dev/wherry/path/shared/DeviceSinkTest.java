package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A plain device as a source that follows: it knows nothing of batches. */
class DeviceSinkTest {
  private static final int BLOCK = 4096;
  private static final byte[] OLD = Bytes.of(1, 8 * BLOCK);

  private final Disk disk = new Disk(8 * BLOCK);
  private final DeviceSink sink = new DeviceSink(disk);

  DeviceSinkTest() {
    disk.put(0, OLD);
  }

  @AfterEach
  void end() {
    disk.free();
  }

  private static ByteBuf block(int seed) {
    return ByteBufAllocator.DEFAULT.buffer(BLOCK).writeBytes(Bytes.of(seed, BLOCK));
  }

  @Test
  void numbersOfBatchesGrow() {
    assertEquals(1, sink.begin().join());
    assertEquals(2, sink.begin().join());
  }

  @Test
  void aBatchIsThereAndFlushedWhenItsCommitIsDone() {
    long batch = sink.begin().join();
    sink.put(batch, BLOCK, block(5)).join();
    sink.putZero(batch, 3 * BLOCK, 2 * BLOCK).join();
    assertEquals(0, disk.flushes());
    sink.commit(batch, 2).join();
    assertEquals(1, disk.flushes());
    byte[] expected = Bytes.with(OLD, BLOCK, Bytes.of(5, BLOCK));
    expected = Bytes.with(expected, 3 * BLOCK, new byte[2 * BLOCK]);
    assertArrayEquals(expected, disk.content(0, 8 * BLOCK));
  }

  @Test
  void aCommitDoesNotEndBeforeTheFlush() {
    disk.failFlushes(true);
    long batch = sink.begin().join();
    assertTrue(sink.commit(batch, 0).isCompletedExceptionally());
    assertTrue(sink.flush(batch).isCompletedExceptionally());
  }

  @Test
  void whatIsPutIsOwnedAndReleasedWhateverHappens() {
    long batch = sink.begin().join();
    ByteBuf good = block(5);
    sink.put(batch, 0, good).join();
    assertEquals(0, good.refCnt());
    disk.failWrites(true);
    ByteBuf bad = block(6);
    assertTrue(sink.put(batch, 0, bad).isCompletedExceptionally());
    assertEquals(0, bad.refCnt());
  }

  @Test
  void whatIsWrittenAtOnceIsLentForTheCallAlone() {
    CompletableFuture<Void> hold = disk.holdWrites();
    ByteBuf data = block(5);
    CompletableFuture<Void> written = sink.write(1, 2 * BLOCK, data);
    data.release();
    assertEquals(1, data.refCnt(), "the device is not done with it");
    assertFalse(written.isDone());
    hold.complete(null);
    written.join();
    assertEquals(0, data.refCnt());
    assertArrayEquals(Bytes.of(5, BLOCK), disk.content(2 * BLOCK, BLOCK));
  }

  @Test
  void zeroesAndFlushesGoToTheDeviceAtOnce() {
    sink.zero(1, 0, BLOCK).join();
    assertArrayEquals(new byte[BLOCK], disk.content(0, BLOCK));
    assertEquals(0, disk.flushes());
    sink.flush(1).join();
    assertEquals(1, disk.flushes());
  }
}
