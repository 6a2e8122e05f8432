package dev.wherry.path.link;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.EventLoopGroup;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A network that cuts, delays, goes silent and plays back what was sent, by seed: every request is
 * answered once, executed at most once in a life of the other side, and not at all if its caller
 * was told so; payloads are intact, nothing leaks. {@code -Dlink.seeds=N -Dlink.seed=FIRST} for
 * more.
 */
class BrokenNetworkTest {
  private static final int REQUESTS = 400;
  private static final Priority[] CLASSES = Priority.values();

  private EventLoopGroup group;
  private ScheduledExecutorService late;

  @BeforeEach
  void open() {
    group = Loops.EPOLL.create(3);
    late = new ScheduledThreadPoolExecutor(1);
  }

  @AfterEach
  void close() {
    late.shutdownNow();
    Loops.close(group);
  }

  @Test
  void whateverBreaksEveryRequestEndsOnceAndIsExecutedAtMostOnce() {
    long first = Long.getLong("link.seed", 1);
    long seeds = Long.getLong("link.seeds", 6);
    for (long seed = first; seed < first + seeds; seed++) {
      try {
        run(seed, false);
      } catch (Throwable t) {
        throw new AssertionError("replay with -Dlink.seeds=1 -Dlink.seed=" + seed, t);
      }
    }
  }

  @Test
  void aServerThatStartsAnewIsAskedAgainWhatItHasNotAnswered() {
    long first = Long.getLong("link.seed", 1);
    long seeds = Long.getLong("link.seeds", 3);
    for (long seed = first; seed < first + seeds; seed++) {
      try {
        run(seed, true);
      } catch (Throwable t) {
        throw new AssertionError("replay with -Dlink.seeds=1 -Dlink.seed=" + seed, t);
      }
    }
  }

  /** What a life of the server executed, by the number in the request's offset. */
  private final class Life {
    final Map<Long, AtomicInteger> executed = new ConcurrentHashMap<>();
    final Random random;

    Life(long seed) {
      this.random = new Random(seed);
    }

    CompletableFuture<LinkReply> serve(LinkRequest r) {
      executed.computeIfAbsent(r.offset(), k -> new AtomicInteger()).incrementAndGet();
      int delay;
      synchronized (random) {
        delay = random.nextInt(5) == 0 ? random.nextInt(80) : -1;
      }
      if (delay < 0) {
        return TestNode.done(LinkReply.ok(r.offset(), r.payload().retain()));
      }
      CompletableFuture<LinkReply> f = new CompletableFuture<>();
      late.schedule(
          () -> f.complete(LinkReply.ok(r.offset(), r.payload().retain())),
          delay,
          TimeUnit.MILLISECONDS);
      return f;
    }
  }

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Asked(
      long number, byte[] payload, boolean patient, CompletableFuture<LinkReply> answer) {}

  private void run(long seed, boolean restarts) {
    Random random = new Random(seed * 0x9e3779b97f4a7c15L);
    UnaryOperator<LinkOptions> with =
        o -> o.withTimes(Duration.ofMillis(50), Duration.ofMillis(400), Duration.ofMillis(50));
    LinkIdentity server = new LinkIdentity("b", UUID.randomUUID());
    Life life = new Life(seed);
    List<Life> lives = new ArrayList<>(List.of(life));
    TestNode a = new TestNode(group, "a", with);
    TestNode b = new TestNode(group, server, null, null, 0, with);
    int port = b.port;
    try (BreakingProxy proxy = new BreakingProxy(port)) {
      Life one = life;
      b.answer = (from, r, p) -> one.serve(r);
      proxy.chaos(new Random(seed));
      a.knows("b", proxy.port());
      b.knows(a);
      List<Asked> asked = new ArrayList<>();
      for (int i = 0; i < REQUESTS; i++) {
        asked.add(ask(a, i, random));
        if (random.nextInt(30) == 0) {
          // Pause until some are through, so that not all is asked on one connection.
          ended(asked.get(random.nextInt(asked.size())).answer());
        }
        if (random.nextInt(60) == 0) {
          proxy.cut();
        }
        if (restarts && random.nextInt(100) == 0) {
          b.close();
          b = new TestNode(group, server, null, null, port, with);
          Life next = new Life(seed + i);
          lives.add(next);
          b.answer = (from, r, p) -> next.serve(r);
          b.knows(a);
        }
      }
      if (random.nextBoolean()) {
        proxy.chaos(null);
      }
      check(asked, lives);
    } finally {
      a.close();
      b.close();
    }
  }

  private static Asked ask(TestNode a, long number, Random random) {
    byte[] bytes = new byte[random.nextInt(4) == 0 ? random.nextInt(300_000) : random.nextInt(99)];
    if (random.nextInt(3) > 0) {
      random.nextBytes(bytes);
    }
    ByteBuf payload = PooledByteBufAllocator.DEFAULT.directBuffer(bytes.length + 1);
    payload.writeBytes(bytes);
    boolean patient = random.nextInt(4) > 0;
    LinkRequest r =
        LinkRequest.of(Op.WRITE, "vm-" + random.nextInt(3), 1, number, bytes.length)
            .withPayload(payload);
    return new Asked(
        number,
        bytes,
        patient,
        a.to("b")
            .call(
                r,
                CLASSES[random.nextInt(CLASSES.length)],
                patient ? Duration.ofSeconds(60) : Duration.ofMillis(random.nextInt(200))));
  }

  /** Waits for the end, whatever it is. */
  private static void ended(CompletableFuture<?> f) {
    TestNode.join(f.handle((r, t) -> true).orTimeout(70, TimeUnit.SECONDS));
  }

  private static void check(List<Asked> asked, List<Life> lives) {
    for (Asked q : asked) {
      ended(q.answer());
      int times = 0;
      for (Life l : lives) {
        AtomicInteger n = l.executed.get(q.number());
        if (n != null) {
          assertEquals(1, n.get(), () -> "executions of " + q.number() + " in one life");
          times++;
        }
      }
      if (q.answer().isCompletedExceptionally()) {
        LinkException e = LinkHubTest.failure(q.answer());
        assertTrue(!q.patient(), () -> q.number() + ": " + e.getMessage());
        if (e.unsent()) {
          assertEquals(0, times, () -> q.number() + " was executed: " + e.getMessage());
        }
      } else {
        LinkReply reply = q.answer().join();
        assertEquals(q.number(), reply.epoch());
        assertArrayEquals(q.payload(), TestNode.take(reply.payload()));
        assertTrue(times > 0);
      }
    }
  }
}
