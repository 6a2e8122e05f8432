package dev.wherry.path.move;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class MoverTest {
  private static final long MS = 1_000_000;
  private static final long S = 1_000 * MS;
  private static final long MIB = 1 << 20;

  private final VirtualTime time = new VirtualTime();
  private long answered;

  private SimulatedPath path(int blockSize, long bytes) {
    return new SimulatedPath(time, blockSize, bytes / blockSize).path(MS, 500e6);
  }

  private Mover mover(SimulatedPath path, Mover.Pace pace) {
    return new Mover(path, () -> answered, time, time::now, pace);
  }

  private Mover started(SimulatedPath path) {
    Mover m = mover(path, Mover.Pace.DEFAULT);
    m.start();
    return m;
  }

  private void assertDone(Mover m, SimulatedPath path, long within) {
    CompletableFuture<Void> f = m.finished();
    assertTrue(time.until(f::isDone, within), () -> "not done: " + m.status());
    f.join();
    assertEquals("done", m.status().state());
    assertEquals(0, path.missing());
    assertEquals(0, path.onWay);
    assertEquals(0, path.notedAsData);
    assertTrue(path.settles > 0);
  }

  @Test
  void allIsMovedAndSettled() {
    SimulatedPath path = path(4096, 300 * MIB).allData();
    Mover m = started(path);
    assertDone(m, path, 10 * S);
    assertEquals(300 * MIB, m.status().bytesMoved());
    assertEquals(100, m.status().percent());
    assertEquals(0, m.status().etaSeconds());
  }

  @Test
  void anEmptyVolumeIsDoneAfterASettle() {
    SimulatedPath path = path(4096, 0);
    assertDone(started(path), path, S);
    assertEquals(1, path.settles);
  }

  @Test
  void fourTebibytesOfNothingAreAFewCalls() {
    SimulatedPath path = path(4096, 4L << 40).path(40 * MS, 50e6);
    for (int i = 0; i < 16; i++) { // 64 MiB in 16 places
      long at = i * (path.blocks / 16) + i * 31L;
      path.data.add(at, at + 1024);
    }
    Mover m = started(path);
    assertDone(m, path, 4 * S);
    assertEquals(64 * MIB, path.fetched);
    assertTrue(path.questions < 40, "questions " + path.questions);
    assertTrue(path.zeroCalls < 200, "zeroes " + path.zeroCalls);
    assertTrue(time.now() < (64 * MIB / 50e6 + 0.8) * 1e9, "took " + time.now() / MS + " ms");
  }

  @Test
  void whatIsHereIsLookedThroughOnceNotWithEachStep() {
    SimulatedPath path = path(4096, 4L << 40).allData();
    path.missing.remove(0, path.blocks);
    for (long b = 0; b < 16_384; b += 2) {
      path.missing.add(b, b + 1);
    }
    assertDone(started(path), path, 60 * S);
    assertTrue(path.hydrations > 1000, "pieces " + path.hydrations);
    assertTrue(path.looked < 10 * path.blocks, "volumes " + path.looked / path.blocks);
  }

  @Test
  void whatIsMissingOnlyLaterIsAskedForWhenItIsStartedAgain() {
    SimulatedPath path = path(4096, 4L << 40);
    path.data.add(0, 25_600);
    path.missing.remove(25_600, path.blocks);
    Mover m = started(path);
    assertTrue(time.until(() -> path.fetched > 80 * MIB, S));
    path.missing.add(25_600, path.blocks);
    m.start();
    assertDone(m, path, 5 * S);
    assertTrue(path.fetched <= 1 << 30, "fetched " + path.fetched); // the first question's range
  }

  @Test
  void manySmallHolesAreFetchedWithWhatIsAroundThem() {
    SimulatedPath path = path(4096, 64 * MIB);
    for (long b = 0; b < path.blocks; b += 2) {
      path.data.add(b, b + 1);
    }
    assertDone(started(path), path, 5 * S);
    assertEquals(0, path.zeroCalls);
    assertTrue(path.hydrations < 2000, "pieces " + path.hydrations);
  }

  @Test
  void blocksThatAreInvalidatedBehindTheWalkComeAgain() {
    SimulatedPath path = path(4096, 100 * MIB).allData();
    Mover m = started(path);
    assertTrue(time.until(() -> path.fetched > 50 * MIB, S));
    path.missing.add(0, 100);
    path.missing.add(7000, 7001);
    assertDone(m, path, 5 * S);
    path.missing.add(5, 6);
    m.start();
    assertFalse(m.finished().isDone());
    assertDone(m, path, S);
  }

  @Test
  void noRoomPausesAndRoomLetsItGoOn() {
    SimulatedPath path = path(4096, 100 * MIB).allData();
    Mover m = started(path);
    time.until(() -> path.fetched > 30 * MIB, S);
    path.fault =
        k -> k == Errand.Kind.DATA ? new NbdException(NbdError.ENOSPC, "store full") : null;
    time.pass(60 * S);
    assertEquals("paused", m.status().state());
    assertTrue(m.status().reason().contains("store full"), m.status().reason());
    assertEquals(0, m.status().bytesPerSecond());
    int before = path.hydrations;
    time.pass(30 * S);
    assertTrue(path.hydrations - before <= 11, "tries " + (path.hydrations - before));
    assertTrue(path.hydrations - before >= 8, "tries " + (path.hydrations - before));
    path.fault = k -> null;
    assertTrue(time.until(() -> m.status().state().equals("running"), 4 * S));
    assertDone(m, path, 5 * S);
  }

  @Test
  void aSourceThatCannotBeReadStallsAndIsTriedForEver() {
    for (Errand.Kind broken : Errand.Kind.values()) {
      SimulatedPath path = path(4096, 100 * MIB);
      path.data.add(0, 20_000);
      Mover m = mover(path, Mover.Pace.DEFAULT);
      path.fault = k -> k == broken ? new NbdException(NbdError.EIO, "link is down") : null;
      m.start();
      time.pass(600 * S);
      assertEquals("stalled", m.status().state(), broken.name());
      assertEquals("link is down", m.status().reason());
      assertFalse(m.finished().isDone());
      path.fault = k -> null;
      assertDone(m, path, 7 * S);
    }
  }

  @Test
  void anOutageOfTheWholePathIsRiddenOut() {
    SimulatedPath path = path(4096, 200 * MIB).allData();
    Mover m = started(path);
    time.until(() -> path.fetched > 30 * MIB, S);
    path.fault = k -> new NbdException(NbdError.EIO, "gone");
    time.pass(20 * S);
    path.fault = k -> null;
    time.pass(6 * S);
    assertDone(m, path, 5 * S);
  }

  @Test
  void aBlockThatCannotBeReadKeepsNothingElseBackAndIsNeverGivenUp() {
    AtomicBoolean broken = new AtomicBoolean(true);
    SimulatedPath path = path(65536, 64 * MIB).allData();
    Mover m =
        new Mover(
            new FailingBlock(path, 77, broken),
            () -> answered,
            time,
            time::now,
            Mover.Pace.DEFAULT);
    m.start();
    time.pass(60 * S);
    assertEquals(1, path.missing());
    assertEquals("stalled", m.status().state());
    broken.set(false);
    assertDone(m, path, 12 * S);
  }

  @Test
  void stopLeavesNothingOnItsWay() {
    SimulatedPath path = path(4096, 1000 * MIB).path(40 * MS, 50e6).allData();
    Mover m = started(path);
    time.pass(2 * S);
    assertTrue(path.onWay > 0);
    CompletableFuture<Void> finished = m.finished();
    CompletableFuture<Void> stop = m.stop();
    assertFalse(stop.isDone());
    assertTrue(time.until(stop::isDone, S));
    assertEquals(0, path.onWay);
    assertTrue(finished.isCompletedExceptionally());
    int before = path.hydrations;
    m.start();
    time.pass(10 * S);
    assertEquals(before, path.hydrations);
  }

  @Test
  void stopBeforeTheStartIsDoneAtOnce() {
    Mover m = mover(path(4096, MIB), Mover.Pace.DEFAULT);
    assertEquals("not started", m.status().reason());
    assertTrue(m.stop().isDone());
    assertTrue(m.finished().isCompletedExceptionally());
  }

  @Test
  void itIsSettledOnTheWayToo() {
    SimulatedPath path = path(4096, 1000 * MIB).path(40 * MS, 50e6).allData();
    Mover m = started(path);
    time.pass(10 * S);
    assertTrue(path.settles >= 4 && path.settles <= 10, "settled " + path.settles);
    assertEquals(50e6, (double) m.status().bytesPerSecond(), 4e6);
    assertEquals((1000 * MIB - path.fetched) / 50e6, (double) m.status().etaSeconds(), 2);
  }

  @Test
  void aMegabyteBlockIsAPiece() {
    SimulatedPath path = path(1 << 20, 200 * MIB).allData();
    assertDone(started(path), path, 5 * S);
    assertEquals(200, path.hydrations);
  }

  @Test
  void startTriesAgainAtOnceWhatHadFailed() {
    SimulatedPath path = path(4096, MIB).allData();
    path.fault = k -> new NbdException(NbdError.EIO, "link is down");
    Mover m = started(path);
    time.pass(60 * S);
    path.fault = k -> null;
    m.start();
    assertDone(m, path, S / 10);
  }
}
