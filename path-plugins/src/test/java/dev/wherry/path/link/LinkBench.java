package dev.wherry.path.link;

import static org.awaitility.Awaitility.await;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.EventLoopGroup;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Not a test: how fast the link is over the loopback, both nodes in this JVM. {@code
 * -Dbench.seconds=3 -Dbench.loops=2 -Dbench.compress=true}.
 */
final class LinkBench {
  private static final Logger log = LoggerFactory.getLogger(LinkBench.class);
  private static final int MIB = 1 << 20;

  private LinkBench() {}

  /** Runs it. */
  public static void main(String[] args) throws InterruptedException {
    Duration time = Duration.ofSeconds(Long.getLong("bench.seconds", 3));
    EventLoopGroup group = Loops.EPOLL.create(Integer.getInteger("bench.loops", 2));
    boolean compress = !"false".equals(System.getProperty("bench.compress"));
    UnaryOperator<LinkOptions> with = o -> o.withCompress(compress);
    try (TestNode a = new TestNode(group, "a", with);
        TestNode b = new TestNode(group, "b", with)) {
      a.knows(b);
      b.knows(a);
      await().until(() -> a.to("b").isUp());
      ByteBuf random = PooledByteBufAllocator.DEFAULT.directBuffer(MIB);
      byte[] bytes = new byte[MIB];
      new Random(1).nextBytes(bytes);
      random.writeBytes(bytes);
      ByteBuf text = PooledByteBufAllocator.DEFAULT.directBuffer(MIB);
      while (text.isWritable()) {
        text.writeByte(
            "abcdefgh line of text ".charAt(text.writerIndex() % 22)
                + bytes[text.writerIndex()] % 2);
      }
      ByteBuf zero = PooledByteBufAllocator.DEFAULT.directBuffer(MIB).writeZero(MIB);
      for (int round = 0; round < 2; round++) {
        run("1 MiB replies, random, QD8", a, b, random, MIB, 8, time);
        run("1 MiB replies, text, QD8", a, b, text, MIB, 8, time);
        run("1 MiB replies, zeroes, QD8", a, b, zero, MIB, 8, time);
        run("64 KiB replies, random, QD16", a, b, random, 64 << 10, 16, time);
        run("4 KiB replies, random, QD32", a, b, random, 4096, 32, time);
        run("empty replies, QD1", a, b, random, 0, 1, time);
      }
      random.release();
      text.release();
      zero.release();
    } finally {
      Loops.close(group);
    }
  }

  private static void run(
      String what, TestNode a, TestNode b, ByteBuf data, int size, int depth, Duration time)
      throws InterruptedException {
    b.answer = (from, r, p) -> TestNode.done(LinkReply.ok(1, data.retainedSlice(0, size)));
    Link link = a.to("b");
    LinkStats before = b.hub.stats();
    AtomicLong count = new AtomicLong();
    CountDownLatch ends = new CountDownLatch(depth);
    long begun = System.nanoTime();
    long cpu = cpu();
    long until = begun + time.toNanos();
    for (int i = 0; i < depth; i++) {
      next(link, size, until, count, ends);
    }
    ends.await();
    double seconds = (System.nanoTime() - begun) / 1e9;
    double busy = (cpu() - cpu) / 1e9 / seconds;
    LinkStats after = b.hub.stats();
    double wire = (after.sentWire() - before.sentWire()) / seconds / 1e9;
    log.error(
        "{}",
        String.format(
            Locale.ROOT,
            "%-32s %8.0f/s %6.2f us each, %5.2f GB/s raw, %5.2f GB/s wire, %.2f CPUs",
            what,
            count.get() / seconds,
            seconds / count.get() * 1e6,
            count.get() * (double) size / seconds / 1e9,
            wire,
            busy));
  }

  private static void next(Link link, int size, long until, AtomicLong count, CountDownLatch ends) {
    CompletableFuture<LinkReply> f =
        link.call(
            LinkRequest.of(Op.FETCH, "vm-1", 1, 0, size), Priority.DEMAND, Duration.ofSeconds(30));
    f.whenComplete(
        (r, t) -> {
          if (r == null) {
            log.error("failed", t);
            ends.countDown();
            return;
          }
          r.payload().release();
          count.incrementAndGet();
          if (System.nanoTime() >= until) {
            ends.countDown();
          } else {
            next(link, size, until, count, ends);
          }
        });
  }

  private static long cpu() {
    return ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class)
        .getProcessCpuTime();
  }
}
