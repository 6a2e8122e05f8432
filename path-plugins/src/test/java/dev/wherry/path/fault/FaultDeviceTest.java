package dev.wherry.path.fault;

import static dev.wherry.path.DeviceModel.await;
import static dev.wherry.path.DeviceModel.failureOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.TestBuffers;
import dev.wherry.path.fault.Fault.Op;
import dev.wherry.path.memory.MemoryDevice;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FaultDeviceTest {
  private final ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();
  private final FaultDevice device = new FaultDevice(new MemoryDevice(1 << 20), scheduler);
  private final ByteBuf one = TestBuffers.DIRECT.of(new byte[] {1});

  @AfterEach
  void end() throws Exception {
    scheduler.shutdownNow();
    one.release();
    await(device.close());
  }

  private int byteAt(long offset) throws Exception {
    ByteBuf read = await(device.read(offset, 1));
    try {
      return read.readByte();
    } finally {
      read.release();
    }
  }

  @Test
  void onlyRequestsOfTheKindAndRangeFail() throws Exception {
    device.inject(Fault.on(Op.WRITE).range(100, 10).fails(NbdError.ENOSPC));
    assertEquals(NbdError.ENOSPC, failureOf(device.write(109, one, 0)));
    await(device.write(99, one, 0));
    await(device.write(110, one, 0));
    assertEquals(0, byteAt(109));
  }

  @Test
  void aFaultComesAfterSomeRequestsAndGoesAfterSome() throws Exception {
    device.inject(Fault.on(Op.FLUSH).after(1).times(2));
    await(device.flush());
    assertEquals(NbdError.EIO, failureOf(device.flush()));
    assertEquals(NbdError.EIO, failureOf(device.flush()));
    await(device.flush());
  }

  @Test
  void aRequestMayFailAlthoughItWasDone() throws Exception {
    device.inject(Fault.on(Op.WRITE, Op.READ).times(2).failsAfterEffect(NbdError.EIO));
    assertEquals(NbdError.EIO, failureOf(device.write(5, one, 0)));
    assertEquals(NbdError.EIO, failureOf(device.read(5, 1)));
    assertEquals(1, byteAt(5));
  }

  @Test
  void aDelayedRequestReachesTheDeviceLater() throws Exception {
    device.inject(Fault.on(Op.WRITE).delays(Duration.ofMillis(1)));
    await(device.write(7, one, 0));
    assertEquals(1, byteAt(7));
  }

  @Test
  void aHeldRequestWaitsUntilItIsLetGo() throws Exception {
    Hold hold = device.hold(Op.WRITE);
    CompletableFuture<Void> first = device.write(0, one, 0);
    CompletableFuture<Void> second = device.write(1, one, 0);
    assertEquals(2, hold.kept());
    hold.letOneGo();
    await(first);
    assertFalse(second.isDone());
    assertEquals(0, byteAt(1));
    hold.letAllGo();
    await(second);
  }

  @Test
  void attemptsAreDeclinedWhileThereIsAFault() {
    Runnable remove = device.inject(Fault.on(Op.STATUS));
    assertFalse(device.tryWrite(0, one));
    remove.run();
    assertTrue(device.tryWrite(0, one));
    device.hold(Op.READ);
    assertFalse(device.tryWrite(0, one));
    device.heal();
    assertTrue(device.tryWrite(0, one));
  }
}
