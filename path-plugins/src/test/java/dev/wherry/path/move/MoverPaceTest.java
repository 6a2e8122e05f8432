package dev.wherry.path.move;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MoverPaceTest {
  private static final long US = 1_000;
  private static final long MS = 1_000_000;
  private static final long S = 1_000 * MS;
  private static final long MIB = 1 << 20;

  private final VirtualTime time = new VirtualTime();
  private long answered;

  private SimulatedPath path(long roundTrip, double rate) {
    return new SimulatedPath(time, 4096, 200L << 18).path(roundTrip, rate).allData();
  }

  private Mover started(SimulatedPath path, Mover.Pace pace) {
    Mover m = new Mover(path, () -> answered, time, time::now, pace);
    m.start();
    return m;
  }

  /** Hosts get so many answers a second from now on. */
  private void hosts(long every, long until) {
    if (time.now() < until) {
      answered++;
      time.at(time.now() + every, () -> hosts(every, until));
    }
  }

  /** Small reads over the same path, beside the move: what each took beyond the idle path. */
  private void reads(SimulatedPath path, long every, long until, List<Long> delays) {
    if (time.now() < until) {
      long idle = path.roundTrip + (long) (4096 * 1e9 / path.bytesPerSecond);
      long jitter = path.jitter;
      path.jitter = 0;
      delays.add(path.carry(4096) - time.now() - idle);
      path.jitter = jitter;
      time.at(time.now() + every, () -> reads(path, every, until, delays));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "40000, 50e6, 0, true",
    "40000, 50e6, 0, false",
    "40000, 50e6, 1000, false",
    "1000, 50e6, 0, true",
    "200, 125e6, 100, true",
    "10000, 12.5e6, 0, true",
    "100000, 125e6, 0, true",
    "40000, 2e6, 0, true",
    "50, 2.5e9, 0, true",
    "50, 2.5e9, 200, false",
    "50, 2.5e9, 3000, true",
    "40000, 50e6, 5000, true",
  })
  void thePathIsFullAndItsQueueShort(
      long roundTripMicros, double rate, long jitterMicros, boolean known) {
    SimulatedPath path = path(roundTripMicros * US, rate);
    path.jitter = jitterMicros * US;
    path.known = known;
    started(path, Mover.Pace.DEFAULT);
    time.pass(2 * S);
    long before = path.fetched;
    List<Long> delays = new ArrayList<>();
    long length = rate > 1e9 ? 4 * S : 60 * S;
    reads(path, rate < 1e7 ? 700 * MS : 7 * MS + 13 * US, time.now() + length, delays);
    time.pass(length);
    double made = (path.fetched - before) * 1e9 / length;
    Collections.sort(delays);
    long median = delays.get(delays.size() / 2);
    long p99 = delays.get(delays.size() * 99 / 100);
    String all =
        "%.3f of the path; reads waited %d us in the median, %d us in 99 of 100, %d at most"
            .formatted(made / rate, median / US, p99 / US, delays.get(delays.size() - 1) / US);
    assertTrue(made >= 0.95 * rate, all);
    long slow = (long) (3 * 16384 * 1e9 / rate); // the smallest pieces go by one at a time
    assertTrue(median <= Math.max(4 * MS, slow), all);
    assertTrue(p99 <= Math.max(15 * MS, 2 * slow), all);
  }

  @Test
  void aSourceThatAnswersUnevenlyIsNotTakenForAQueue() {
    SimulatedPath path = path(100 * US, 500e6);
    path.jitter = 8 * MS;
    path.known = false;
    started(path, Mover.Pace.DEFAULT);
    time.pass(2 * S);
    long before = path.fetched;
    time.pass(20 * S);
    assertTrue(path.fetched - before >= 0.85 * 20 * 500e6, "made " + (path.fetched - before) / 20);
  }

  @Test
  void theRateIsThereSoonAfterTheStart() {
    SimulatedPath path = path(40 * MS, 50e6);
    started(path, Mover.Pace.DEFAULT);
    time.pass(S);
    assertTrue(path.fetched >= 0.6 * 50e6, "after a second " + path.fetched);
  }

  @Test
  void itFollowsAPathThatChanges() {
    SimulatedPath path = path(40 * MS, 50e6);
    started(path, Mover.Pace.DEFAULT);
    time.pass(5 * S);
    path.bytesPerSecond = 20e6;
    time.pass(5 * S);
    List<Long> delays = new ArrayList<>();
    reads(path, 7 * MS, time.now() + 5 * S, delays);
    long before = path.fetched;
    time.pass(5 * S);
    Collections.sort(delays);
    assertTrue(delays.get(delays.size() / 2) <= 6 * MS, "waits " + delays.get(delays.size() / 2));
    assertTrue(path.fetched - before >= 0.93 * 5 * 20e6);
    path.bytesPerSecond = 100e6;
    time.pass(5 * S);
    before = path.fetched;
    time.pass(5 * S);
    assertTrue(path.fetched - before >= 0.95 * 5 * 100e6);
    path.roundTrip = 80 * MS;
    time.pass(45 * S);
    before = path.fetched;
    time.pass(5 * S);
    assertTrue(path.fetched - before >= 0.9 * 5 * 100e6, "longer way: " + (path.fetched - before));
  }

  @Test
  void busyHostsLeaveItItsMinimumEvenlySpread() {
    SimulatedPath path = path(50 * US, 2e9);
    Mover m = started(path, Mover.Pace.DEFAULT);
    hosts(50 * US, 10 * S);
    time.pass(2 * S);
    long before = path.fetched;
    path.asked.clear();
    time.pass(8 * S - 1);
    double made = (path.fetched - before) / 8.0;
    assertTrue(made >= 20e6, "made " + made);
    assertTrue(made <= 24e6, "made " + made);
    long most = 0;
    for (int i = 0, j = 0; i < path.asked.size(); i++) {
      while (path.asked.get(j)[0] < path.asked.get(i)[0] - 10 * MS) {
        j++;
      }
      most = Math.max(most, path.asked.subList(j, i + 1).stream().mapToLong(a -> a[1]).sum());
    }
    assertTrue(most <= 2 * made / 100 + 256 * 1024, "in 10 ms " + most);
    time.pass(S);
    assertTrue(m.status().bytesPerSecond() > 300e6, () -> "idle again: " + m.status());
  }

  @Test
  void theMinimumIsMadeThoughTheTimerIsLate() {
    SimulatedPath path = path(40 * MS, 50e6);
    Mover.Pace pace = new Mover.Pace(20_000_000, 20_000_000_000L);
    Mover m = new Mover(path, () -> answered, time.late(7 * MS), time::now, pace);
    m.start();
    hosts(100 * US, 20 * S);
    time.pass(2 * S);
    long before = path.fetched;
    time.pass(18 * S);
    assertTrue(
        path.fetched - before >= 18L * 20_000_000 * 0.99, "made " + (path.fetched - before) / 18);
  }

  @Test
  void theMinimumIsMadeWhereOthersFillThePath() {
    SimulatedPath path = path(40 * MS, 50e6);
    started(path, Mover.Pace.DEFAULT);
    time.pass(3 * S);
    fill(path, time.now() + 20 * S);
    hosts(MS, time.now() + 20 * S);
    time.pass(2 * S);
    long before = path.fetched;
    time.pass(18 * S);
    double made = (path.fetched - before) / 18.0;
    assertTrue(made >= 0.95 * 20e6, "made " + made);
  }

  @ParameterizedTest
  @CsvSource({"false", "true"})
  void aPathSlowerThanTheMinimumGetsNoLongQueue(boolean busyFromTheStart) {
    SimulatedPath path = path(40 * MS, 12.5e6);
    started(path, Mover.Pace.DEFAULT);
    time.pass(busyFromTheStart ? 0 : 3 * S);
    hosts(MS, time.now() + 30 * S);
    time.pass(5 * S);
    List<Long> delays = new ArrayList<>();
    reads(path, 17 * MS, time.now() + 20 * S, delays);
    long before = path.fetched;
    time.pass(20 * S);
    Collections.sort(delays);
    long median = delays.get(delays.size() / 2);
    // While it is not known how fast the path is, the minimum counts for more than the queue.
    long most = busyFromTheStart ? 250 * MS : 6 * MS;
    assertTrue(median <= most, "waits " + median / US + " us");
    assertTrue(path.fetched - before >= 0.9 * 20 * 12.5e6);
  }

  /** Others keep half a megabyte waiting in the path. */
  private void fill(SimulatedPath path, long until) {
    if (time.now() < until) {
      long at = path.carry(256 << 10);
      path.carry(256 << 10);
      time.at(Math.max(at - path.roundTrip, time.now() + MS), () -> fill(path, until));
    }
  }

  @ParameterizedTest
  @CsvSource({"100, 1000000", "50, 30000000", "40000, 10000000", "40000, 5000"})
  void theLimitIsNeverExceeded(long roundTripMicros, long limit) {
    SimulatedPath path = path(roundTripMicros * US, 1e9);
    Mover m = started(path, Mover.Pace.DEFAULT);
    time.pass(S / 10);
    m.pace(new Mover.Pace(20_000_000, limit));
    time.pass(S);
    path.asked.clear();
    long began = time.now();
    hosts(MS, began + 5 * S);
    time.pass(20 * S);
    long piece = Math.max(4096, limit / 50);
    for (int i = 0; i < path.asked.size(); i += 7) {
      long sum = 0;
      for (int j = i; j < path.asked.size(); j++) {
        sum += path.asked.get(j)[1];
        long over = path.asked.get(j)[0] - path.asked.get(i)[0];
        assertTrue(sum <= limit * (over / 1e9) + piece + 1, "in " + over / MS + " ms " + sum);
      }
    }
    long all = path.asked.stream().mapToLong(a -> a[1]).sum();
    double whileBusy = Math.min(limit, 20_000_000);
    double due = 5.3 * whileBusy + 14.7 * limit;
    assertTrue(all >= 0.95 * due - piece, "made " + all);
  }

  @Test
  void piecesOnAFastPathAreLargeAndOnASlowOneSmall() {
    SimulatedPath fast = path(50 * US, 4e9);
    started(fast, Mover.Pace.DEFAULT);
    time.pass(2 * S);
    assertTrue(fast.largest >= 256 << 10, "largest " + fast.largest);
    SimulatedPath slow = path(10 * MS, 5e6);
    started(slow, Mover.Pace.DEFAULT);
    time.pass(5 * S);
    slow.asked.clear();
    time.pass(S);
    assertTrue(slow.asked.stream().allMatch(a -> a[1] <= 16 << 10));
  }

  @Test
  void memoryIsBounded() {
    SimulatedPath path = path(200 * MS, 10e9);
    started(path, Mover.Pace.DEFAULT);
    time.pass(4 * S);
    assertTrue(path.mostOnWay <= 1024, "on their way " + path.mostOnWay);
    long at = 0;
    for (long[] a : path.asked) {
      at += a[1];
    }
    long most = at - path.fetched;
    assertTrue(most <= DelayWindow.MAX, "bytes on their way " + most);
    assertEquals(0, path.zeroCalls);
    assertTrue(path.fetched > 100 * MIB);
  }
}
