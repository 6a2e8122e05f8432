package dev.wherry.path.concat;

import static dev.wherry.path.DeviceModel.await;
import static dev.wherry.path.DeviceModel.failureOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.ExportInfo.Ability;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.BlockDeviceContract;
import dev.wherry.path.DeviceException;
import dev.wherry.path.ForwardingDevice;
import dev.wherry.path.TestBuffers;
import dev.wherry.path.fault.Fault;
import dev.wherry.path.fault.Fault.Op;
import dev.wherry.path.fault.FaultDevice;
import dev.wherry.path.fault.Hold;
import dev.wherry.path.memory.MemoryDevice;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ConcatDeviceTest extends BlockDeviceContract {
  private final ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();

  @AfterEach
  void stopScheduler() {
    scheduler.shutdownNow();
  }

  /** Parts of many sizes: small ones, so that requests span several, and an empty one. */
  @Override
  protected BlockDevice open() {
    int rest = size() - 1 - 100_000 - 70_000 - 3_000_000;
    return new ConcatDevice(
        List.of(
            new MemoryDevice(1),
            new MemoryDevice(100_000),
            new MemoryDevice(0),
            new MemoryDevice(70_000),
            new MemoryDevice(3_000_000),
            new MemoryDevice(rest)));
  }

  private FaultDevice part(int size) {
    return new FaultDevice(new MemoryDevice(size), scheduler);
  }

  private static BlockDevice with(
      BlockDevice device, java.util.function.UnaryOperator<ExportInfo> change) {
    return new ForwardingDevice(device) {
      @Override
      public ExportInfo info() {
        return change.apply(device.info());
      }
    };
  }

  @Test
  void aRequestAcrossABoundaryEndsWhenAllItsPartsHave() throws Exception {
    FaultDevice left = part(4096);
    FaultDevice right = part(4096);
    Hold kept = right.hold(Op.WRITE);
    BlockDevice both = new ConcatDevice(List.of(left, right));
    left.inject(Fault.on(Op.WRITE).fails(NbdError.ENOSPC));
    ByteBuf data = TestBuffers.COMPOSITE.of(new byte[2000]);
    CompletableFuture<Void> write = both.write(3000, data, 0);
    assertFalse(write.isDone(), "the buffer is still lent to the right part");
    kept.letOneGo();
    assertEquals(NbdError.ENOSPC, failureOf(write));
    data.release();
    await(both.close());
  }

  @Test
  void anEioOfOnePartIsNotHiddenByAMilderErrorOfAnother() throws Exception {
    FaultDevice left = part(4096);
    FaultDevice right = part(4096);
    left.inject(Fault.on(Op.ZERO).fails(NbdError.ENOTSUP));
    right.inject(Fault.on(Op.ZERO).fails(NbdError.EIO));
    BlockDevice both = new ConcatDevice(List.of(left, right));
    assertEquals(NbdError.EIO, failureOf(both.zero(0, 8192, Export.FAST_ZERO | Export.FUA)));
    await(both.close());
  }

  @Test
  void aReadOfWhichOnePartFailsGivesBackTheBuffersOfTheOthers() throws Exception {
    FaultDevice left = part(4096);
    FaultDevice right = part(4096);
    right.inject(Fault.on(Op.READ).fails(NbdError.EIO));
    BlockDevice both = new ConcatDevice(List.of(left, right));
    assertEquals(NbdError.EIO, failureOf(both.read(4000, 200)));
    await(both.close());
  }

  @Test
  void aFlushReachesAllPartsAndFailsIfOneDoes() throws Exception {
    FaultDevice left = part(4096);
    FaultDevice right = part(4096);
    Hold leftFlush = left.hold(Op.FLUSH);
    Hold rightFlush = right.hold(Op.FLUSH);
    BlockDevice both = new ConcatDevice(List.of(left, right));
    CompletableFuture<Void> flush = both.flush();
    assertEquals(1, leftFlush.kept());
    assertEquals(1, rightFlush.kept());
    leftFlush.failOne(new IllegalStateException("gone"));
    rightFlush.letOneGo();
    assertEquals(NbdError.EIO, failureOf(flush));
    await(both.close());
  }

  @Test
  void attemptsWorkWithinAPartAndDeclineAcross() {
    ByteBuf data = TestBuffers.DIRECT.of(new byte[10]);
    assertTrue(device.tryWrite(100_000 - 9, data));
    assertFalse(device.tryWrite(100_000 - 8, data));
    assertTrue(device.tryRead(100_001, 10, data.clear()));
    assertFalse(device.tryRead(0, 2, data.clear()));
    data.release();
  }

  @Test
  void itCanDoWhatAllPartsCan() throws Exception {
    BlockDevice plain = new MemoryDevice(8192);
    BlockDevice coarse = with(new MemoryDevice(8192), i -> i.withBlocks(512, 65536));
    BlockDevice single = with(new MemoryDevice(8192), i -> i.with(Ability.MULTI_CONN, false));
    ExportInfo info = new ConcatDevice(List.of(plain, coarse, single)).info();
    assertEquals(3 * 8192, info.size());
    assertEquals(512, info.minBlock());
    assertEquals(65536, info.preferredBlock());
    assertFalse(info.can(Ability.MULTI_CONN));
    assertTrue(info.can(Ability.FUA));
    assertFalse(info.readOnly());
    assertEquals(List.of(Extent.BASE_ALLOCATION), info.contexts());
    BlockDevice readOnly = with(new MemoryDevice(512), i -> i.withReadOnly(true));
    assertTrue(new ConcatDevice(List.of(plain, readOnly)).info().readOnly());
  }

  @Test
  void aPartThatDoesNotFitTheBlocksOfAnotherIsRefused() {
    BlockDevice coarse = with(new MemoryDevice(8192), i -> i.withBlocks(512, 4096));
    DeviceException e =
        assertThrows(
            DeviceException.class, () -> new ConcatDevice(List.of(coarse, new MemoryDevice(1000))));
    assertEquals(
        "memory:1000: its size 1000 must be a multiple of 512, the largest block of the devices",
        e.getMessage());
  }

  @Test
  void onlyTheLastPartIsResized() throws Exception {
    ConcatDevice both = new ConcatDevice(List.of(new MemoryDevice(4096), new MemoryDevice(4096)));
    await(both.resize(6000));
    assertEquals(6000, both.info().size());
    assertEquals(NbdError.ENOTSUP, failureOf(both.resize(4095)));
    assertEquals("memory:4K + memory:1904", both.describe());
    await(both.close());
  }
}
