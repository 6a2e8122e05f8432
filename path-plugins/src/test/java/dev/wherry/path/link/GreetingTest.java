package dev.wherry.path.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.link.RawDialer.Got;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a listener says to dialers that are not as they should be. */
class GreetingTest {
  private static final UUID X = new UUID(1, 2);
  private final AtomicInteger executed = new AtomicInteger();
  private EventLoopGroup group;
  private TestNode b;

  @BeforeEach
  void open() {
    group = Loops.EPOLL.create(2);
    // A dialer that says nothing for a while is heard all the same.
    b =
        new TestNode(
            group,
            "b",
            o -> o.withTimes(Duration.ofMinutes(1), Duration.ofMinutes(3), Duration.ofMillis(100)));
    b.answer =
        (from, r, p) -> {
          executed.incrementAndGet();
          return TestNode.done(LinkReply.ok(1));
        };
    b.knows("x", 1);
  }

  @AfterEach
  void close() {
    b.close();
    Loops.close(group);
  }

  private RawDialer dial() throws IOException {
    return new RawDialer(b.port);
  }

  private RawDialer join(long session, long attempt) throws IOException {
    RawDialer d = dial();
    long nonce = d.open(Greeting.MIN_VERSION, Greeting.MAX_VERSION).nonce();
    d.hello(nonce, "x", X, "b", session, attempt);
    Got w = d.next();
    assertNotNull(w);
    assertEquals(Frame.WELCOME, w.type());
    return d;
  }

  private static String refusal(RawDialer d) throws IOException {
    Got g = d.next();
    assertNotNull(g);
    assertEquals(Frame.REFUSE, g.type());
    assertNull(d.next());
    return g.text();
  }

  @Test
  void anotherVersionIsRefusedInWords() throws IOException {
    try (RawDialer d = dial()) {
      int next = Greeting.MAX_VERSION + 1;
      assertEquals(
          String.format(
              "it speaks versions %d to %d of the link, this node %d to %d",
              Greeting.MIN_VERSION, Greeting.MAX_VERSION, next, next + 6),
          refusal(d.open(next, next + 6)));
    }
  }

  @Test
  void aNewerDialerThatStillSpeaksOursIsLetIn() throws IOException {
    try (RawDialer d = dial()) {
      assertTrue(d.open(Greeting.MIN_VERSION, Greeting.MAX_VERSION + 38).nonce() != 0);
    }
  }

  @Test
  void aGreetingThatIsPlayedBackIsRefused() throws IOException {
    try (RawDialer d = dial()) {
      long nonce = d.open(Greeting.MIN_VERSION, Greeting.MAX_VERSION).nonce();
      d.hello(nonce + 1, "x", X, "b", 7, 1);
      assertEquals("the greeting belongs to another connection", refusal(d));
    }
  }

  @Test
  void twoNodesWithOneNameAreTold() throws IOException {
    try (RawDialer d = dial()) {
      long nonce = d.open(Greeting.MIN_VERSION, Greeting.MAX_VERSION).nonce();
      d.hello(nonce, "b", X, "b", 7, 1);
      assertEquals("there are two nodes named b", refusal(d));
    }
  }

  @Test
  void anOlderConnectionOfASessionDoesNotComeBack() throws IOException {
    try (RawDialer now = join(7, 5);
        RawDialer d = dial()) {
      long nonce = d.open(Greeting.MIN_VERSION, Greeting.MAX_VERSION).nonce();
      d.hello(nonce, "x", X, "b", 7, 5);
      assertEquals("a newer connection has taken over", refusal(d));
      now.request(0, 1, Op.FLUSH, 0);
      assertEquals(Frame.REPLY, now.next().type());
    }
  }

  @Test
  void aSecondDaemonWithTheSameIdentityIsRefusedWhileTheFirstIsHeard() throws IOException {
    try (RawDialer now = join(7, 1);
        RawDialer copy = dial()) {
      long nonce = copy.open(Greeting.MIN_VERSION, Greeting.MAX_VERSION).nonce();
      copy.hello(nonce, "x", X, "b", 8, 1);
      String why = refusal(copy);
      assertTrue(why.startsWith("node x is connected already, from /127.0.0.1:"), why);
      assertTrue(why.endsWith("or is there a copy of its data directory?"), why);
      now.request(0, 1, Op.FLUSH, 0);
      assertEquals(Frame.REPLY, now.next().type());
    }
  }

  @Test
  void whoOnlyLooksWhoIsThereIsLetIn() throws IOException {
    try (RawDialer now = join(7, 1);
        RawDialer looks = join(8, 0)) {
      looks.request(0, 1, Op.FLUSH, 0);
      assertEquals(Frame.REPLY, looks.next().type());
      assertNull(now.next());
    }
  }

  @Test
  void aNumberThatWasUsedIsNotExecutedAgain() throws IOException {
    try (RawDialer d = join(7, 1)) {
      d.request(0, 3, Op.FLUSH, 0);
      assertEquals(3, d.next().sequence());
      d.send(
          RawDialer.frame(Frame.ACK, 0, 0, o -> Greeting.writeNumbers(o, java.util.List.of(3L))));
      d.request(0, 3, Op.FLUSH, 0);
      assertNull(d.next());
    }
    try (RawDialer again = join(7, 2)) {
      again.request(0, 3, Op.FLUSH, 0);
      assertNull(again.next());
    }
    assertEquals(1, executed.get());
  }

  @Test
  void moreThanTheCreditsEndsTheConnection() throws IOException {
    b.answer =
        (from, r, p) -> {
          executed.incrementAndGet();
          return new CompletableFuture<>();
        };
    int most = Window.defaults().get(0).requests();
    try (RawDialer d = join(7, 1)) {
      for (int i = 1; i <= most + 1; i++) {
        d.request(0, i, Op.FLUSH, 0);
      }
      assertNull(d.next());
      assertEquals(most, executed.get());
    }
  }

  @Test
  void aRequestBeforeTheGreetingIsNotExecuted() throws IOException {
    try (RawDialer d = dial()) {
      d.open(Greeting.MIN_VERSION, Greeting.MAX_VERSION).nonce();
      d.request(0, 1, Op.FLUSH, 0);
      assertTrue(refusal(d).startsWith("malformed: a request before the greeting"));
    }
    assertEquals(0, executed.get());
  }

  @Test
  void whatIsNotTheLinkIsTurnedAway() throws IOException {
    try (RawDialer d = dial()) {
      d.send(
          Unpooled.wrappedBuffer(
              "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
                  .getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
      assertTrue(refusal(d).startsWith("malformed: a frame of"));
    }
  }

  @Test
  void aDialerWithTlsIsToldByAnAlertWhereThereIsNone() throws IOException {
    try (java.net.Socket s =
        new java.net.Socket(java.net.InetAddress.getLoopbackAddress(), b.port)) {
      s.setSoTimeout(60_000);
      s.getOutputStream().write(new byte[] {22, 3, 1, 0, 5, 1, 0, 0, 1, 0});
      assertEquals(21, s.getInputStream().read());
    }
  }
}
