package dev.wherry.path.link;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.EventLoopGroup;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A link that is never given up: what keeps it, and what a dialer may have on its way. */
class LinkFlowTest {
  private static final Duration LONG = Duration.ofSeconds(60);
  private final AtomicInteger executing = new AtomicInteger();
  private final AtomicInteger most = new AtomicInteger();
  private final CompletableFuture<LinkReply> held = new CompletableFuture<>();
  private final List<CompletableFuture<LinkReply>> calls = new ArrayList<>();
  private EventLoopGroup group;
  private TestNode a;
  private TestNode b;

  @BeforeEach
  void meet() {
    group = Loops.EPOLL.create(2);
    a = node("a");
    b = node("b");
    b.answer =
        (from, r, p) -> {
          most.accumulateAndGet(executing.incrementAndGet(), Math::max);
          return held;
        };
    b.knows(a);
    a.knows(b);
    await().atMost(LONG).until(() -> a.to("b").isUp());
  }

  private TestNode node(String name) {
    return new TestNode(
        group, name, o -> o.withTimes(Duration.ofMillis(20), LONG, Duration.ofMillis(100)));
  }

  @AfterEach
  void close() {
    held.complete(LinkReply.ok(1));
    a.close();
    b.close();
    Loops.close(group);
  }

  @Test
  void bothSidesOfAnIdleLinkSayThatTheyLive() {
    long sent = a.peer("b").traffic().sentWire();
    long received = a.peer("b").traffic().receivedWire();
    await().atMost(LONG).until(() -> a.peer("b").traffic().sentWire() > sent + 20L * Frame.HEADER);
    await()
        .atMost(LONG)
        .until(() -> a.peer("b").traffic().receivedWire() > received + 20L * Frame.HEADER);
    assertTrue(a.to("b").roundTripNanos() > 0);
  }

  /** A listener ends the connection of one who does not. */
  @Test
  void aDialerKeepsToTheRequestsThatItIsGranted() {
    int granted = Window.defaults().get(3).requests();
    call(granted + 50, 0);
    await().atMost(LONG).until(() -> executing.get() == granted);
    answer();
    assertEquals(granted, most.get());
  }

  @Test
  void andToTheBytes() {
    int length = 4 << 20;
    int granted = (int) (Window.defaults().get(3).bytes() / length);
    call(granted + 5, length);
    await().atMost(LONG).until(() -> executing.get() == granted);
    answer();
    assertEquals(granted, most.get());
  }

  private void call(int count, int length) {
    for (int i = 0; i < count; i++) {
      calls.add(
          a.to("b").call(LinkRequest.of(Op.FETCH, "v", 1, 0, length), Priority.BACKGROUND, LONG));
    }
  }

  private void answer() {
    b.answer =
        (from, r, p) -> {
          executing.incrementAndGet();
          return TestNode.done(LinkReply.ok(1));
        };
    held.complete(LinkReply.ok(1));
    calls.forEach(TestNode::join);
    assertEquals(calls.size(), executing.get(), "each is executed once");
    assertEquals(List.of(), a.events.stream().filter(e -> e.startsWith("down")).toList());
  }
}
