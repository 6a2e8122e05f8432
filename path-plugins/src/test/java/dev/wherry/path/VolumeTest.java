package dev.wherry.path;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.fault.Fault.Op;
import dev.wherry.path.fault.FaultDevice;
import dev.wherry.path.fault.Hold;
import dev.wherry.path.local.LocalHandler;
import dev.wherry.path.memory.MemoryDevice;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class VolumeTest {
  private final AtomicLong now = new AtomicLong();
  private final ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();
  private final FaultDevice device = new FaultDevice(new MemoryDevice(1 << 20), scheduler);
  private final Hold slow = device.hold(Op.READ, Op.WRITE, Op.FLUSH);
  private final MemoryDevice next = new MemoryDevice(1 << 20);
  private final PathHandler first = new LocalHandler(device);
  private final PathHandler second = new LocalHandler(next);
  private final Volume volume = new Volume("a", first, now::get);

  @AfterEach
  void end() {
    scheduler.shutdownNow();
    device.close();
    next.close();
  }

  private static ByteBuf data(String text) {
    return Unpooled.copiedBuffer(text, US_ASCII);
  }

  private static String text(CompletableFuture<ByteBuf> read) {
    ByteBuf buf = read.join();
    try {
      return buf.toString(US_ASCII);
    } finally {
      buf.release();
    }
  }

  private static NbdError errorOf(CompletableFuture<?> future) {
    CompletionException e = assertThrows(CompletionException.class, future::join);
    return NbdException.errorOf(e);
  }

  private static String refusal(CompletableFuture<?> future) {
    CompletionException e = assertThrows(CompletionException.class, future::join);
    return assertInstanceOf(IllegalStateException.class, e.getCause()).getMessage();
  }

  @Test
  void suspendIsDoneOnceTheRequestsInFlightHaveEnded() {
    CompletableFuture<Void> write = volume.write(0, data("one"), 0);
    CompletableFuture<Void> suspended = volume.suspend();
    assertEquals(VolumeState.SUSPENDED, volume.state());
    assertFalse(suspended.isDone());
    slow.letOneGo();
    suspended.join();
    write.join();
    assertEquals(0, volume.inFlight());
  }

  @Test
  void requestsOfASuspendedVolumeGoToTheNewHandlerInTheirOrder() {
    volume.suspend().join();
    List<String> order = new ArrayList<>();
    CompletableFuture<Void> write = volume.write(8, data("first"), 0);
    CompletableFuture<Void> overwrite = volume.write(8, data("fresh"), 0);
    CompletableFuture<ByteBuf> read = volume.read(8, 5);
    write.thenRun(() -> order.add("write"));
    overwrite.thenRun(() -> order.add("overwrite"));
    read.thenRun(() -> order.add("read"));
    assertEquals(3, volume.held());
    assertSame(first, volume.swap(second));
    assertEquals(List.of(), order);
    volume.resume();
    assertEquals(List.of("write", "overwrite", "read"), order);
    assertEquals("fresh", text(read));
    assertEquals(0, slow.kept());
    assertEquals(0, volume.held());
  }

  @Test
  void attemptsOnASuspendedVolumeAreRefused() {
    volume.suspend().join();
    volume.swap(second);
    ByteBuf into = Unpooled.buffer(4);
    assertFalse(volume.tryRead(0, 4, into));
    assertFalse(volume.tryWrite(0, data("four")));
    assertNull(volume.trySend(0, 4));
    volume.resume();
    assertTrue(volume.tryWrite(0, data("four")));
    assertTrue(volume.tryRead(0, 4, into));
    assertEquals("four", into.toString(US_ASCII));
    assertEquals(0, volume.inFlight());
  }

  @Test
  void theDowntimeIsTheTimeFromSuspendToResume() {
    now.set(1_000);
    volume.suspend().join();
    now.set(4_500);
    assertEquals(3_500, volume.resume());
  }

  @Test
  void theHandlerOfARunningOrUndrainedVolumeCannotBeReplaced() {
    assertThrows(IllegalStateException.class, () -> volume.swap(second));
    volume.flush();
    volume.suspend();
    IllegalStateException e = assertThrows(IllegalStateException.class, () -> volume.swap(second));
    assertEquals("volume a has requests in flight: its handler cannot be replaced", e.getMessage());
  }

  @Test
  void aSecondSuspensionIsRefusedWhileThereIsOne() {
    volume.suspend().join();
    assertEquals("volume a is suspended: it cannot be suspended", refusal(volume.suspend()));
    volume.resume();
    volume.suspend().join();
  }

  @Test
  void aDrainThatTakesTooLongEndsWithAnErrorAndTheVolumeOnline() {
    CompletableFuture<Void> stuck = volume.flush();
    CompletableFuture<Void> suspended = volume.suspend(Duration.ofMillis(20), scheduler);
    CompletableFuture<ByteBuf> heldRead = volume.read(0, 4);
    assertEquals(
        "volume a could not be suspended within 20 ms: requests in flight: 1", refusal(suspended));
    assertEquals(VolumeState.ONLINE, volume.state());
    assertEquals(2, slow.kept(), "the held read went to the handler");
    slow.letOneGo();
    slow.letOneGo();
    stuck.join();
    heldRead.join().release();
    assertEquals(0, volume.inFlight());
  }

  @Test
  void aDrainThatEndsInTimeStaysSuspended() throws Exception {
    volume.suspend(Duration.ofMillis(1), scheduler).join();
    CompletableFuture<Void> later = new CompletableFuture<>();
    scheduler.schedule(() -> later.complete(null), 5, TimeUnit.MILLISECONDS);
    later.join();
    assertEquals(VolumeState.SUSPENDED, volume.state());
  }

  @Test
  void resumingBeforeTheDrainEndsTheSuspensionWithAnError() {
    CompletableFuture<Void> flush = volume.flush();
    CompletableFuture<Void> suspended = volume.suspend();
    volume.resume();
    assertEquals("volume a was resumed before its requests had ended", refusal(suspended));
    CompletableFuture<Void> again = volume.suspend();
    assertFalse(again.isDone());
    slow.letOneGo();
    again.join();
    flush.join();
  }

  @Test
  void suspendWaitsForListenersToLetGo() {
    CompletableFuture<Void> copied = new CompletableFuture<>();
    SuspendListener connection = () -> copied;
    volume.addSuspendListener(connection);
    CompletableFuture<Void> suspended = volume.suspend();
    assertFalse(suspended.isDone());
    assertThrows(IllegalStateException.class, () -> volume.swap(second));
    copied.complete(null);
    suspended.join();
    volume.resume();
    volume.removeSuspendListener(connection);
    volume.addSuspendListener(
        () -> {
          throw new IllegalStateException("cannot copy");
        });
    assertTrue(refusal(volume.suspend()).endsWith("cannot copy"));
    assertEquals(VolumeState.ONLINE, volume.state());
  }

  @Test
  void aListenerIsCalledWhenNothingIsHandedOutAnyMore() {
    List<Boolean> handedOut = new ArrayList<>();
    volume.addSuspendListener(
        () -> {
          handedOut.add(volume.tryWrite(0, data("x")));
          return CompletableFuture.completedFuture(null);
        });
    volume.suspend().join();
    assertEquals(List.of(false), handedOut);
  }

  @Test
  void aFailedFlushFailsTheVolumeForGood() {
    CompletableFuture<Void> write = volume.write(0, data("lost"), 0);
    slow.letOneGo();
    write.join();
    CompletableFuture<Void> flush = volume.flush();
    slow.failOne(new NbdException(NbdError.EIO, "the disk is gone"));
    assertEquals(NbdError.EIO, errorOf(flush));
    assertEquals(VolumeState.FAILED, volume.state());
    assertEquals(NbdError.EIO, errorOf(volume.flush()));
    assertEquals(NbdError.EIO, errorOf(volume.read(0, 1)));
    assertFalse(volume.tryWrite(0, data("x")));
    assertEquals("volume a failed: the disk is gone", volume.failure().orElseThrow().getMessage());
    assertEquals(0, slow.kept());
  }

  @Test
  void aFailedWriteFailsTheVolumeOnlyWithFuaAndOnlyByEio() {
    CompletableFuture<Void> plain = volume.write(0, data("x"), 0);
    slow.failOne(new NbdException(NbdError.EIO, "bad sector"));
    assertEquals(NbdError.EIO, errorOf(plain));
    CompletableFuture<Void> full = volume.write(0, data("x"), Export.FUA);
    slow.failOne(new NbdException(NbdError.ENOSPC, "full"));
    assertEquals(NbdError.ENOSPC, errorOf(full));
    assertEquals(VolumeState.ONLINE, volume.state());
    CompletableFuture<Void> fua = volume.write(0, data("x"), Export.FUA);
    slow.failOne(new NbdException(NbdError.EIO, "bad sector"));
    assertEquals(NbdError.EIO, errorOf(fua));
    assertEquals(VolumeState.FAILED, volume.state());
  }

  @Test
  void aFlushThatRanBesideAFailedOneDoesNotSucceed() {
    CompletableFuture<Void> one = volume.flush();
    CompletableFuture<Void> other = volume.flush();
    slow.failOne(new IllegalStateException("no NBD error at all"));
    slow.letOneGo();
    assertEquals(NbdError.EIO, errorOf(one));
    assertEquals(NbdError.EIO, errorOf(other));
  }

  @Test
  void failingEndsASuspensionAndWhatItHolds() {
    CompletableFuture<Void> flush = volume.flush();
    CompletableFuture<Void> suspended = volume.suspend();
    CompletableFuture<ByteBuf> heldRead = volume.read(0, 4);
    volume.fail(new NbdException(NbdError.EIO, "gone"));
    assertEquals("volume a failed: gone", refusal(suspended));
    assertEquals(NbdError.EIO, errorOf(heldRead));
    assertThrows(IllegalStateException.class, volume::resume);
    slow.letOneGo();
    assertEquals(NbdError.EIO, errorOf(flush));
  }

  @Test
  void aFailedVolumeIsReopenedOnceItsOldHandlerIsQuiet() {
    CompletableFuture<ByteBuf> last = volume.read(0, 1);
    volume.fail(new NbdException(NbdError.EIO, "gone"));
    CompletableFuture<Void> drained = volume.drained();
    CompletableFuture<PathHandler> reopened = volume.reopen(second);
    assertFalse(reopened.isDone());
    assertFalse(drained.isDone());
    slow.letOneGo();
    last.join().release();
    drained.join();
    assertSame(first, reopened.join());
    assertEquals(VolumeState.ONLINE, volume.state());
    volume.flush().join();
    assertTrue(volume.failure().isEmpty());
    assertEquals(
        "volume a is online: only a failed volume is reopened", refusal(volume.reopen(first)));
  }

  @Test
  void closingWaitsForWhatIsInFlightAndRefusesTheRest() {
    CompletableFuture<Void> flush = volume.flush();
    volume.suspend();
    CompletableFuture<ByteBuf> heldRead = volume.read(0, 4);
    CompletableFuture<Void> closed = volume.close();
    assertEquals(NbdError.EIO, errorOf(heldRead));
    assertEquals(NbdError.EIO, errorOf(volume.read(0, 1)));
    assertFalse(closed.isDone());
    slow.letOneGo();
    closed.join();
    assertSame(closed, volume.close());
    assertTrue(flush.isDone());
    assertEquals(VolumeState.CLOSED, volume.state());
  }

  /** Otherwise a peer that reads nothing would keep a failed file open. */
  @Test
  void connectionsLetGoOfAFailedVolumeBeforeItIsCalledDrained() {
    CompletableFuture<Void> copied = new CompletableFuture<>();
    volume.addSuspendListener(() -> copied);
    volume.fail(new NbdException(NbdError.EIO, "gone"));
    CompletableFuture<Void> drained = volume.drained();
    CompletableFuture<PathHandler> reopened = volume.reopen(second);
    CompletableFuture<Void> closed = volume.close();
    assertFalse(drained.isDone() || reopened.isDone() || closed.isDone());
    copied.completeExceptionally(new IllegalStateException("cannot copy, dropped"));
    drained.join();
    closed.join();
    assertEquals("volume a is closed: only a failed volume is reopened", refusal(reopened));
  }

  @Test
  void aHeldRequestThatNoLongerFitsFailsAsItWouldAtTheEdge() {
    volume.suspend().join();
    CompletableFuture<Void> write = volume.write((1 << 20) - 4, data("tail"), 0);
    CompletableFuture<ByteBuf> read = volume.read((1 << 20) - 4, 4);
    CompletableFuture<Void> flush = volume.flush();
    MemoryDevice small = new MemoryDevice(4096);
    volume.swap(new LocalHandler(small));
    assertEquals(4096, volume.info().size());
    volume.resume();
    assertEquals(NbdError.ENOSPC, errorOf(write));
    assertEquals(NbdError.EINVAL, errorOf(read));
    flush.join();
    small.close();
  }

  @Test
  void aHeldRequestThatItsCallerGaveUpIsNotMade() {
    volume.suspend().join();
    CompletableFuture<ByteBuf> read = volume.read(0, 4);
    read.cancel(false);
    volume.resume();
    assertEquals(0, slow.kept());
    assertEquals(0, volume.inFlight());
  }

  @Test
  void resizingHoldsRequestsUntilTheNewSizeIsThere() {
    volume.resize(8192).join();
    assertEquals(8192, volume.info().size());
    assertEquals(VolumeState.ONLINE, volume.state());
  }

  @Test
  void aResizeThatCannotBeginInTimeIsNotDoneLater() {
    long before = volume.info().size();
    CompletableFuture<ByteBuf> stuck = volume.read(0, 4);
    refusal(volume.resize(8192, Duration.ofMillis(20), scheduler));
    slow.letOneGo();
    stuck.join().release();
    assertEquals(before, volume.info().size());
    assertEquals(VolumeState.ONLINE, volume.state());
  }

  @Test
  void aConnectionThatKnowsALargerSizeCannotReachPastTheEndOfAShrunkVolume() {
    int end = (int) volume.info().size();
    volume.resize(end - 4096).join();
    ByteBuf data = Unpooled.copiedBuffer(new byte[4096]);
    try {
      assertFalse(volume.tryWrite(end - 4096, data));
      assertEquals(NbdError.ENOSPC, errorOf(volume.write(end - 4096, data, 0)));
      assertFalse(volume.tryRead(end - 4096, 4096, Unpooled.buffer(4096)));
      assertEquals(NbdError.EINVAL, errorOf(volume.read(end - 4096, 4096)));
      assertEquals(end - 4096, volume.info().size());
    } finally {
      data.release();
    }
  }

  @Test
  void aHandlerThatThrowsCostsOneRequestOnly() {
    Volume broken =
        new Volume(
            "b",
            new ForwardingHandler("broken", next) {
              @Override
              public CompletableFuture<ByteBuf> read(long offset, int length) {
                throw new IllegalArgumentException("oops");
              }
            });
    assertEquals(NbdError.EIO, errorOf(broken.read(0, 1)));
    broken.suspend().join();
  }

  @Test
  void aVolumeInUseIsNotRetired() {
    Runnable release = volume.retain("b", "alias of volume b");
    assertEquals(List.of("alias of volume b"), volume.uses());
    IllegalStateException e = assertThrows(IllegalStateException.class, volume::retire);
    assertEquals("volume a is in use: alias of volume b", e.getMessage());
    release.run();
    release.run();
    volume.retire();
    assertThrows(IllegalStateException.class, () -> volume.retain("b", "late"));
  }
}
