package dev.wherry.nbd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.nbd.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

/** The rules of the client one by one, with a server and a clock in memory. */
final class DispatcherTest {
  private static final long MILLI = 1_000_000L;

  private final SimReactor reactor = new SimReactor();
  private final SimServer server = new SimServer(reactor, new Random(1), 16, true, false);
  private NbdClientOptions options = NbdClientOptions.DEFAULTS;
  private final List<ByteBuf> payloads = new ArrayList<>();

  private Dispatcher connect() {
    Dispatcher client = new Dispatcher("S", options, reactor, server, 1);
    CompletableFuture<Terms> connected = client.start();
    turn(1000);
    assertTrue(connected.isDone() && !connected.isCompletedExceptionally());
    return client;
  }

  private void turn(long millis) {
    reactor.advance(millis * MILLI);
  }

  private Command write(Dispatcher client, int block, long... values) {
    ByteBuf data = Unpooled.buffer();
    for (long value : values) {
      data.writeLong(value);
    }
    payloads.add(data);
    Command c = Command.write(Command.Role.CALLER, 0, (long) block * SimServer.BLOCK, data);
    client.submit(c);
    return c;
  }

  private static Command submit(Dispatcher client, Command c) {
    client.submit(c);
    return c;
  }

  private static Command flush(Dispatcher client) {
    return submit(client, Command.of(Wire.CMD_FLUSH, 0, 0, 0));
  }

  private static Command read(Dispatcher client, int block) {
    return submit(
        client, Command.of(Wire.CMD_READ, 0, (long) block * SimServer.BLOCK, SimServer.BLOCK));
  }

  private static boolean succeeded(Command c) {
    return c.done.isDone() && !c.done.isCompletedExceptionally();
  }

  private static String failure(Command c) {
    assertTrue(c.done.isCompletedExceptionally(), c + " did not fail");
    try {
      c.done.join();
      throw new AssertionError();
    } catch (CompletionException e) {
      assertEquals(NbdError.EIO, NbdException.errorOf(e));
      return e.getCause().getMessage();
    }
  }

  private static long value(Command c) {
    ByteBuf data = c.takeData();
    long value = data.getLong(0);
    data.release();
    return value;
  }

  @Test
  void opensAsManyConnectionsAsAllowedWhereTheServerCanMultiConn() {
    connect();
    assertEquals(4, server.connections());
  }

  @Test
  void opensOneConnectionWhereTheServerDoesNotSayThatItCanMultiConn() {
    SimServer single = new SimServer(reactor, new Random(1), 16, false, false);
    new Dispatcher("S", options, reactor, single, 1).start();
    turn(1000);
    assertEquals(1, single.connections());
  }

  @Test
  void aFirstConnectionThatFailsIsNotTriedAgain() {
    server.crash();
    CompletableFuture<Terms> connected = new Dispatcher("S", options, reactor, server, 1).start();
    turn(1000);
    assertTrue(connected.isCompletedExceptionally());
    server.start();
    turn(100_000);
    assertEquals(0, server.connections());
  }

  @Test
  void aRequestMadeWhileTheServerIsAwayIsAnsweredWhenItIsBack() {
    Dispatcher client = connect();
    server.crash();
    Command w = write(client, 3, 42);
    Command r = read(client, 5);
    turn(20_000);
    assertFalse(w.done.isDone());
    server.start();
    turn(5000);
    assertTrue(succeeded(w));
    assertTrue(succeeded(r));
    assertEquals(1, value(r));
    assertEquals(42, server.cache[3]);
  }

  @Test
  void aRequestWaitsNoLongerThanTheTimeoutForAServerThatIsAway() {
    Dispatcher client = connect();
    server.crash();
    Command w = write(client, 3, 42);
    turn(29_000);
    assertFalse(w.done.isDone());
    turn(2500);
    assertTrue(failure(w).contains("not answered within 30000 ms: the server is away"));
    server.start();
    turn(5000);
    // It failed, so it is not made any more.
    assertEquals(1, server.cache[3]);
    assertEquals(0, payloads.get(0).refCnt());
  }

  @Test
  void aServerThatIsSilentIsLeftAndFoundAgain() {
    Dispatcher client = connect();
    server.mute = true;
    Command old = write(client, 3, 42);
    turn(20_000);
    Command young = write(client, 4, 43);
    turn(9000);
    assertFalse(old.done.isDone());
    turn(2500);
    assertTrue(failure(old).contains("not answered within 30000 ms"));
    server.mute = false;
    turn(10_000);
    assertTrue(succeeded(young));
    assertEquals(43, server.cache[4]);
  }

  @Test
  void answeredWritesAreReplayedBeforeAReadIsAnswered() {
    Dispatcher client = connect();
    Command w = write(client, 3, 42, 43);
    turn(1000);
    assertTrue(succeeded(w));
    server.crash();
    server.start();
    Command r = read(client, 4);
    turn(1000);
    assertEquals(43, value(r));
  }

  @Test
  void nothingIsReplayedAfterAFlush() {
    Dispatcher client = connect();
    write(client, 3, 42);
    turn(1000);
    Command f = flush(client);
    turn(1000);
    assertTrue(succeeded(f));
    assertEquals(0, payloads.get(0).refCnt(), "the data are no longer kept");
    server.crash();
    server.start();
    turn(5000);
    assertEquals(1, server.done[Wire.CMD_WRITE]);
    assertEquals(42, server.cache[3]);
  }

  @Test
  void aFlushThatFailsOnceFailsForEver() {
    Dispatcher client = connect();
    write(client, 3, 42);
    turn(1000);
    server.refuseType = Wire.CMD_FLUSH;
    Command f = flush(client);
    Command r = read(client, 0);
    turn(1000);
    assertTrue(failure(f).contains("FLUSH: EIO: refused"), failure(f));
    Command again = flush(client);
    turn(1000);
    assertTrue(failure(again).contains("the device must be opened again"));
    assertTrue(failure(write(client, 3, 1)).contains("must be opened again"));
    assertEquals(0, server.connections());
    assertTrue(r.done.isDone());
    r.dropReply();
    assertEquals(0, payloads.get(0).refCnt());
    assertEquals(0, payloads.get(1).refCnt());
  }

  @Test
  void aReplayThatIsRefusedFailsTheNextFlush() {
    Dispatcher client = connect();
    write(client, 3, 42);
    turn(1000);
    server.refuseType = Wire.CMD_WRITE;
    server.refuseWith = NbdError.ENOSPC;
    server.crash();
    server.start();
    Command f = flush(client);
    turn(1000);
    assertTrue(failure(f).contains("when it was replayed"), failure(f));
  }

  @Test
  void aServerThatIsShuttingDownIsAskedAgain() {
    Dispatcher client = connect();
    server.refuseType = Wire.CMD_WRITE;
    server.refuseWith = NbdError.ESHUTDOWN;
    Command w = write(client, 3, 42);
    turn(1000);
    assertTrue(succeeded(w));
    assertEquals(42, server.cache[3]);
  }

  @Test
  void anErrorOfTheServerGoesToTheCallerAlone() {
    Dispatcher client = connect();
    server.refuseType = Wire.CMD_WRITE;
    Command bad = write(client, 3, 42);
    turn(1000);
    Command good = write(client, 3, 43);
    turn(1000);
    assertTrue(failure(bad).contains("refused"));
    assertTrue(succeeded(good));
  }

  @Test
  void writesWaitWhereTooMuchIsUnflushedUntilTheClientHasFlushed() {
    long cost = SimServer.BLOCK + Ledger.ENTRY_COST;
    options = options.withReplayLimit(4 * cost);
    Dispatcher client = connect();
    server.mute = true;
    for (int i = 0; i < 6; i++) {
      write(client, i, 100 + i);
    }
    server.mute = false;
    // Sent while the server was mute, the first four are lost with their connections.
    server.cutOne();
    turn(5000);
    assertTrue(server.done[Wire.CMD_FLUSH] > 0, "the client flushed by itself");
    for (int i = 0; i < 6; i++) {
      assertEquals(100 + i, server.cache[i]);
    }
  }

  @Test
  void aWriteToARangeInFlightWaitsForThatRangeAlone() {
    Dispatcher client = connect();
    server.mute = true;
    Command first = write(client, 3, 41);
    turn(100);
    server.mute = false;
    Command second = write(client, 3, 42);
    Command elsewhere = write(client, 4, 43);
    turn(1000);
    assertTrue(succeeded(elsewhere));
    assertFalse(first.done.isDone());
    assertFalse(second.done.isDone());
    server.restart();
    turn(1000);
    assertTrue(succeeded(first));
    assertTrue(succeeded(second));
    assertEquals(42, server.cache[3]);
  }

  @Test
  void aLargeWriteIsNotStarvedBySmallOnesOnItsRange() {
    Dispatcher client = connect();
    int[] small = {0};
    Command[] large = {null};
    // Two writers that keep the two ends of the range busy, never both idle.
    for (int end : new int[] {0, 7}) {
      Runnable[] again = {null};
      again[0] =
          () -> {
            if (small[0]++ < 5000 && (large[0] == null || !large[0].done.isDone())) {
              write(client, end, 1000 + small[0]).done.thenRun(again[0]);
            }
          };
      again[0].run();
    }
    turn(1);
    large[0] = write(client, 0, 1, 2, 3, 4, 5, 6, 7, 8);
    turn(10_000);
    assertTrue(succeeded(large[0]));
    assertTrue(small[0] < 1000, small[0] + " small writes went first");
  }

  @Test
  void closingFailsWhatIsUnderWay() {
    Dispatcher client = connect();
    server.mute = true;
    Command w = write(client, 3, 42);
    turn(10);
    CompletableFuture<Void> closed = client.close();
    turn(10);
    assertTrue(closed.isDone());
    assertTrue(failure(w).contains("closed"));
    assertEquals(0, payloads.get(0).refCnt());
    assertTrue(failure(read(client, 0)).contains("closed"));
  }

  @Test
  void waitsBetweenAttemptsDoubleUpToTheMaximumWithJitter() {
    Backoff backoff =
        new Backoff(Duration.ofMillis(20), Duration.ofMillis(100), new SplittableRandom(1));
    assertEquals(0, backoff.next());
    for (long base : new long[] {20, 40, 80, 100, 100}) {
      long wait = backoff.next();
      assertTrue(wait >= base * MILLI / 2 && wait <= base * MILLI, wait + " of " + base);
    }
    backoff.reset();
    assertEquals(0, backoff.next());
  }

  @Test
  void aServerThatComesBackSmallerIsNotTheServer() {
    Terms before = new Terms(1 << 20, 0xffff, 1, 4096, 32 << 20, "", true, true, Map.of());
    Terms smaller = new Terms(1 << 19, 0xffff, 1, 4096, 32 << 20, "", true, true, Map.of());
    assertEquals("its size is 524288, it was 1048576", smaller.missingAgainst(before));
    assertEquals(null, before.missingAgainst(smaller));
  }
}
