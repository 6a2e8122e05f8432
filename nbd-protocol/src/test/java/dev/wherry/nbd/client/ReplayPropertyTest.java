package dev.wherry.nbd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random requests against a server that loses connections and crashes and forgets: nobody may
 * notice. Each seed is a run of its own and repeats exactly.
 */
final class ReplayPropertyTest {
  private static final int BLOCKS = 24;
  private static final int REQUESTS = 400;
  private static final int QUEUE = 12;

  static IntStream seeds() {
    return IntStream.range(0, Integer.getInteger("wherry.replay.seeds", 300));
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void noAcknowledgedWriteIsLostAndNoReadGoesBackInTime(int seed) {
    Run run = new Run(seed, true);
    run.all();
    run.check();
  }

  /** The control: without replays the same checks do fail, so they are able to. */
  @Test
  void aClientThatDoesNotReplayIsCaught() {
    int caught = 0;
    for (int seed = 0; seed < 50; seed++) {
      Run run = new Run(seed, false);
      try {
        run.all();
        run.check();
      } catch (AssertionError e) {
        caught++;
      }
    }
    assertTrue(caught > 10, "only " + caught + " of 50 caught");
  }

  private static final class Run {
    final SimReactor reactor = new SimReactor();
    final Random random;
    final SimServer server;
    final Dispatcher client;
    final boolean fua;
    final boolean replays;
    final List<History> blocks = new ArrayList<>();
    final boolean[] zeroed = new boolean[BLOCKS];
    final List<ByteBuf> payloads = new ArrayList<>();
    final List<Throwable> failures = new ArrayList<>();
    long time;
    long value = 1;
    int open;

    Run(int seed, boolean replays) {
      random = new Random(seed);
      this.replays = replays;
      fua = random.nextBoolean();
      server = new SimServer(reactor, random, BLOCKS, random.nextBoolean(), fua);
      // Sometimes so small that the client must flush by itself all the time.
      long limit = random.nextBoolean() ? 1 << 20 : 400 + random.nextInt(4000);
      NbdClientOptions options =
          NbdClientOptions.DEFAULTS
              .withConnections(1 + random.nextInt(4))
              .withIoTimeout(Duration.ofDays(1))
              .withReplayLimit(limit);
      client = new Dispatcher("sim", options, reactor, server, seed);
      for (int i = 0; i < BLOCKS; i++) {
        blocks.add(new History(1));
      }
    }

    void all() {
      client.start();
      reactor.advance(Duration.ofSeconds(1).toNanos());
      for (int i = 0; i < REQUESTS; ) {
        if (open < QUEUE && random.nextInt(3) > 0) {
          request();
          i++;
        } else if (random.nextInt(60) == 0) {
          trouble();
        } else {
          reactor.step();
        }
      }
      server.start();
      reactor.advance(Duration.ofMinutes(1).toNanos());
      assertEquals(List.of(), failures);
      assertEquals(0, open, "requests without an answer");
      Command flush = Command.of(Wire.CMD_FLUSH, 0, 0, 0);
      long begin = ++time;
      client.submit(flush);
      reactor.advance(Duration.ofMinutes(1).toNanos());
      assertTrue(flush.done.isDone() && !flush.done.isCompletedExceptionally());
      flushed(begin);
      client.close();
      reactor.advance(Duration.ofSeconds(1).toNanos());
      for (ByteBuf payload : payloads) {
        assertEquals(0, payload.refCnt(), "a payload is kept for ever");
      }
    }

    void check() {
      for (int i = 0; i < BLOCKS; i++) {
        long begin = ++time;
        blocks.get(i).read(server.disk[i], begin, ++time);
        blocks.get(i).check();
      }
    }

    private void trouble() {
      switch (random.nextInt(4)) {
        case 0 -> server.cutOne();
        case 1 -> server.restart();
        default -> {
          server.crash();
          if (!replays) {
            client.forget();
          }
          reactor.schedule(server::start, 1000L * random.nextInt(200));
        }
      }
    }

    private void request() {
      int first = random.nextInt(BLOCKS);
      int count = 1 + random.nextInt(Math.min(4, BLOCKS - first));
      switch (random.nextInt(10)) {
        case 0, 1, 2, 3 -> read(first, count);
        case 4 -> flush();
        case 5 -> zero(first, count);
        default -> write(first, count);
      }
    }

    private void submit(Command c, Runnable then) {
      open++;
      client.submit(c);
      c.done.whenComplete(
          (reply, e) -> {
            open--;
            if (e != null) {
              failures.add(e);
            } else {
              then.run();
            }
          });
    }

    private void read(int first, int count) {
      Command c =
          Command.of(
              Wire.CMD_READ, 0, (long) first * SimServer.BLOCK, (long) count * SimServer.BLOCK);
      long begin = ++time;
      submit(
          c,
          () -> {
            ByteBuf data = c.takeData();
            long end = ++time;
            for (int i = 0; i < count; i++) {
              blocks.get(first + i).read(data.getLong(i * SimServer.BLOCK), begin, end);
            }
            data.release();
          });
    }

    private int flags() {
      return fua && random.nextInt(4) == 0 ? Wire.CMD_FLAG_FUA : 0;
    }

    private void write(int first, int count) {
      long mine = ++value;
      ByteBuf payload = Unpooled.buffer(count * SimServer.BLOCK);
      long begin = ++time;
      for (int i = 0; i < count; i++) {
        payload.writeLong(mine);
        blocks.get(first + i).writeBegins(mine, begin);
      }
      payloads.add(payload);
      submit(
          Command.write(Command.Role.CALLER, flags(), (long) first * SimServer.BLOCK, payload),
          () -> ended(first, count, mine));
    }

    private void ended(int first, int count, long what) {
      long end = ++time;
      for (int i = 0; i < count; i++) {
        blocks.get(first + i).writeEnds(what, end);
      }
    }

    /** Once for each block, as the check needs values that differ. */
    private void zero(int first, int count) {
      for (int i = 0; i < count; i++) {
        if (zeroed[first + i]) {
          return;
        }
      }
      long begin = ++time;
      for (int i = 0; i < count; i++) {
        zeroed[first + i] = true;
        blocks.get(first + i).writeBegins(0, begin);
      }
      submit(
          Command.of(
              random.nextBoolean() ? Wire.CMD_TRIM : Wire.CMD_WRITE_ZEROES,
              flags(),
              (long) first * SimServer.BLOCK,
              (long) count * SimServer.BLOCK),
          () -> ended(first, count, 0));
    }

    private void flush() {
      long begin = ++time;
      submit(Command.of(Wire.CMD_FLUSH, 0, 0, 0), () -> flushed(begin));
    }

    private void flushed(long begin) {
      for (int i = 0; i < BLOCKS; i++) {
        blocks.get(i).durable(server.disk[i], begin);
      }
    }
  }
}
