package dev.wherry.path.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class AdaptiveEngineTest {
  private long now;
  private final Fixed first = new Fixed();
  private final Fixed second = new Fixed();
  private final AdaptiveEngine engine = new AdaptiveEngine(first, second, () -> now);

  /** Takes a set time for every request. */
  private final class Fixed implements IoEngine {
    long latency = 100;
    int reads;
    int writes;
    boolean closed;

    @Override
    public String name() {
      return "fixed";
    }

    @Override
    public CompletableFuture<Void> read(int fd, long offset, ByteBuf into, int length) {
      reads++;
      now += latency;
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletableFuture<Void> write(int fd, long offset, ByteBuf data, int flags) {
      writes++;
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletableFuture<Void> sync(int fd) {
      writes++;
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  private void read(int count, int length) {
    for (int i = 0; i < count; i++) {
      engine.read(3, 0, Unpooled.EMPTY_BUFFER, length);
    }
  }

  @Test
  void theFasterOneDoesMostAndTheOtherIsTriedNowAndThen() {
    second.latency = 300;
    read(1000, 4096);
    assertTrue(first.reads > 900, "first: " + first.reads);
    assertTrue(second.reads >= 1000 / 32, "second: " + second.reads);
  }

  @Test
  void aChangeIsNoticed() {
    second.latency = 300;
    read(1000, 4096);
    first.latency = 5000;
    first.reads = 0;
    read(1000, 4096);
    assertTrue(first.reads < 100, "first: " + first.reads);
  }

  @Test
  void longReadsAreJudgedApart() {
    second.latency = 300;
    read(1000, 4096);
    second.latency = 10;
    read(1000, 1 << 20);
    first.reads = 0;
    read(300, 1 << 20);
    assertTrue(first.reads < 20, "long ones: " + first.reads);
  }

  @Test
  void writesAndSyncsUseTheFirstAndCloseClosesBoth() {
    engine.write(3, 0, Unpooled.EMPTY_BUFFER, 0);
    engine.sync(3);
    assertEquals(2, first.writes);
    engine.close();
    assertTrue(first.closed && second.closed);
  }
}
