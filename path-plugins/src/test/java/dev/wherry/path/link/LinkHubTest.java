package dev.wherry.path.link;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoopGroup;
import java.time.Duration;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Two nodes over the loopback: what gets through, and who is let in. */
@ParameterizedClass
@EnumSource
class LinkHubTest {
  private final Loops loops;
  private EventLoopGroup group;
  private TestNode a;
  private TestNode b;

  LinkHubTest(Loops loops) {
    this.loops = loops;
  }

  @BeforeEach
  void open() {
    group = loops.create(2);
    a = new TestNode(group, "a", UnaryOperator.identity());
    b = new TestNode(group, "b", UnaryOperator.identity());
  }

  @AfterEach
  void close() {
    a.close();
    b.close();
    Loops.close(group);
  }

  private void meet() {
    a.knows(b);
    b.knows(a);
    await().until(() -> a.to("b").isUp() && b.to("a").isUp());
  }

  /** Asks node b from node a. */
  private CompletableFuture<LinkReply> demand(LinkRequest request, Duration limit) {
    return a.to("b").call(request, Priority.DEMAND, limit);
  }

  @Test
  void aRequestArrivesAsItWasSentAndSoDoesItsAnswer() {
    meet();
    b.answer =
        (from, r, p) -> {
          assertEquals("a", from);
          assertEquals(Priority.MIRROR, p);
          assertEquals(Op.STORE_WRITE, r.op());
          assertEquals("vm-1", r.suid());
          assertEquals(65_537, r.epoch());
          assertEquals(1L << 41, r.offset());
          assertEquals(7, r.length());
          assertEquals(3, r.flags());
          assertEquals(5, r.payload().readableBytes());
          return TestNode.done(LinkReply.error(NbdError.ENOSPC, 9, "full, bytes left: 0 – so"));
        };
    LinkRequest r =
        new LinkRequest(
            Op.STORE_WRITE, "vm-1", 65_537, 1L << 41, 7, 3, Unpooled.wrappedBuffer(new byte[5]));
    LinkReply reply = TestNode.join(a.to("b").call(r, Priority.MIRROR, Duration.ofSeconds(10)));
    assertEquals(LinkReply.error(NbdError.ENOSPC, 9, "full, bytes left: 0 – so"), reply);
  }

  @Test
  void payloadsOfAllSizesAndKindsComeBackAsTheyWere() {
    meet();
    Random random = new Random(5);
    for (int size : new int[] {1, 4095, 4096, 4097, 65_536, 65_537, 1 << 20, (3 << 20) + 17}) {
      for (int kind = 0; kind < 4; kind++) {
        byte[] bytes = new byte[size];
        switch (kind) {
          case 0 -> random.nextBytes(bytes);
          case 1 -> {}
          case 2 -> java.util.Arrays.fill(bytes, (byte) 'x');
          default -> {
            for (int at = 0; at < size; at += 4096) {
              if (random.nextBoolean()) {
                bytes[at] = 1;
              }
            }
          }
        }
        ByteBuf payload = PooledByteBufAllocator.DEFAULT.directBuffer(size).writeBytes(bytes);
        LinkRequest r = LinkRequest.of(Op.WRITE, "v", 1, 0, size).withPayload(payload);
        assertArrayEquals(bytes, TestNode.take(a.ask("b", r).payload()), size + " kind " + kind);
      }
    }
    assertTrue(a.hub.stats().zeroes() > 0);
  }

  @Test
  void whatIsLargerThanTheLinkTakesIsRefusedAtOnce() {
    meet();
    ByteBuf huge = Unpooled.wrappedBuffer(new byte[Frame.MAX_PAYLOAD + 1]);
    CompletableFuture<LinkReply> f =
        demand(LinkRequest.of(Op.WRITE, "v", 1, 0, 0).withPayload(huge), Duration.ofSeconds(5));
    assertTrue(failure(f).unsent());
    assertEquals(0, huge.refCnt());
  }

  @Test
  void aServiceThatFailsIsAnErrorToTheCaller() {
    meet();
    b.answer = (from, r, p) -> CompletableFuture.failedFuture(new IllegalStateException("no"));
    assertEquals(NbdError.EIO, a.ask("b", LinkRequest.of(Op.FLUSH, "v", 1, 0, 0)).error());
    b.answer =
        (from, r, p) -> {
          throw new IllegalStateException("no");
        };
    assertEquals(NbdError.EIO, a.ask("b", LinkRequest.of(Op.FLUSH, "v", 1, 0, 0)).error());
  }

  @Test
  void aNodeThatDoesNotKnowUsYetIsRefusedUntilItDoes() {
    a.knows(b);
    await().until(() -> a.peer("b").state() == LinkState.REFUSED);
    assertEquals("node b does not know node a yet: add it there", a.peer("b").reason());
    b.knows(a);
    await().until(() -> a.to("b").isUp() && b.to("a").isUp());
    assertEquals("", a.peer("b").reason());
    assertEquals(a.identity.uuid(), b.pins.get("a"));
    assertEquals(b.identity.uuid(), a.pins.get("b"));
    await().until(() -> a.events.contains("up b"));
  }

  @Test
  void aNodeUnderAnotherNameIsRefused() {
    a.knows("c", b.port);
    b.knows(a);
    await().until(() -> a.peer("c").state() == LinkState.REFUSED);
    assertEquals("it is node b, not c", a.peer("c").reason());
  }

  @Test
  void aListenerOfAnotherNameIsTold() {
    try (TestNode other = new TestNode(group, "a", UnaryOperator.identity())) {
      a.knows("b", other.port);
      await().until(() -> a.peer("b").state() == LinkState.REFUSED);
      assertEquals("it is node a, not b", a.peer("b").reason());
    }
  }

  @Test
  void aSecondNodeByANameThatIsTakenIsRefused() {
    meet();
    try (TestNode other = new TestNode(group, "a", UnaryOperator.identity())) {
      other.knows(b);
      await().until(() -> other.peer("b").state() == LinkState.REFUSED);
      assertTrue(
          other.peer("b").reason().startsWith("node b knows another node by the name a"),
          other.peer("b").reason());
      assertTrue(a.to("b").isUp());
    }
  }

  @Test
  void aNodeThatDialsItselfIsTold() {
    TestNode twin = a;
    twin.knows("z", a.port);
    await().until(() -> a.peer("z").state() == LinkState.REFUSED);
    assertEquals("it is node a, not z", a.peer("z").reason());
    assertThrows(IllegalArgumentException.class, () -> a.knows("a", 1));
  }

  @Test
  void aCopyOfADataDirectoryIsTold() {
    UUID uuid = a.identity.uuid();
    try (TestNode copy =
        new TestNode(group, new LinkIdentity("c", uuid), null, null, 0, UnaryOperator.identity())) {
      a.knows(copy);
      copy.knows(a);
      await().until(() -> copy.peer("a").state() == LinkState.REFUSED);
      assertTrue(copy.peer("a").reason().contains("have one identity"), copy.peer("a").reason());
    }
  }

  @Test
  void whereNobodyListensTheStateSaysSoAndCallsFailAfterTheirLimit() {
    a.knows("b", 1);
    await().until(() -> a.peer("b").state() == LinkState.DOWN);
    assertTrue(a.peer("b").reason().contains("refused"), a.peer("b").reason());
    ByteBuf payload = Unpooled.wrappedBuffer(new byte[4]);
    CompletableFuture<LinkReply> f =
        demand(LinkRequest.of(Op.WRITE, "v", 1, 0, 0).withPayload(payload), Duration.ofMillis(50));
    assertTrue(failure(f).unsent());
    assertEquals(0, payload.refCnt());
  }

  @Test
  void whoWaitsForANodeIsToldOnceItAnswersOrIsRemovedAndNotBefore() {
    try (BreakingProxy proxy = new BreakingProxy(b.port)) {
      proxy.block(true);
      b.knows(a);
      a.knows("b", proxy.port());
      await().until(() -> a.peer("b").state() == LinkState.DOWN);
      CompletableFuture<Void> answered = a.hub.answered("b");
      assertFalse(answered.isDone());
      proxy.block(false);
      TestNode.join(answered);
      assertTrue(a.to("b").isUp());
      proxy.block(true);
      proxy.cut();
      await().until(() -> !a.to("b").isUp());
      CompletableFuture<Void> again = a.hub.answered("b");
      assertFalse(again.isDone());
      assertTrue(TestNode.join(a.hub.remove("b")));
      TestNode.join(again);
      assertTrue(a.hub.answered("b").isDone());
    }
  }

  @Test
  void thatANodeRefusesUsIsAnAnswer() {
    a.knows(b);
    TestNode.join(a.hub.answered("b"));
    assertEquals(LinkState.REFUSED, a.peer("b").state());
    assertTrue(a.hub.answered("b").isDone());
  }

  @Test
  void whatIsWithdrawnBeforeItLeftWasNeverSent() {
    a.knows("b", 1);
    await().until(() -> a.peer("b").state() == LinkState.DOWN);
    ByteBuf payload = Unpooled.wrappedBuffer(new byte[4]);
    CompletableFuture<Void> withdrawal = new CompletableFuture<>();
    CompletableFuture<LinkReply> f =
        a.to("b")
            .call(
                LinkRequest.of(Op.WRITE, "v", 1, 0, 0).withPayload(payload),
                Priority.DEMAND,
                Duration.ofHours(1),
                withdrawal);
    withdrawal.complete(null);
    assertTrue(failure(f).unsent());
    assertEquals(0, payload.refCnt());
  }

  @Test
  void whatIsWithdrawnThatWasSentMayHaveBeenExecuted() {
    meet();
    CompletableFuture<LinkReply> held = new CompletableFuture<>();
    CompletableFuture<Void> executed = new CompletableFuture<>();
    b.answer =
        (from, r, p) -> {
          executed.complete(null);
          return held;
        };
    CompletableFuture<Void> withdrawal = new CompletableFuture<>();
    CompletableFuture<LinkReply> f =
        a.to("b")
            .call(
                LinkRequest.of(Op.FLUSH, "v", 1, 0, 0),
                Priority.DEMAND,
                Duration.ofHours(1),
                withdrawal);
    await().until(executed::isDone);
    withdrawal.complete(null);
    assertFalse(failure(f).unsent());
    held.complete(LinkReply.ok(1, Unpooled.wrappedBuffer(new byte[9])));
    b.answer = (from, r, p) -> TestNode.done(LinkReply.ok(4));
    assertEquals(4, a.ask("b", LinkRequest.of(Op.FLUSH, "v", 1, 0, 0)).epoch());
  }

  @Test
  void aRequestThatIsNotAnsweredInTimeIsWithdrawn() {
    meet();
    CompletableFuture<LinkReply> held = new CompletableFuture<>();
    b.answer = (from, r, p) -> held;
    CompletableFuture<LinkReply> f =
        demand(LinkRequest.of(Op.FLUSH, "v", 1, 0, 0), Duration.ofSeconds(2));
    assertFalse(failure(f).unsent());
    held.complete(LinkReply.ok(1, Unpooled.wrappedBuffer(new byte[9])));
    b.answer = (from, r, p) -> TestNode.done(LinkReply.ok(4));
    assertEquals(4, a.ask("b", LinkRequest.of(Op.FLUSH, "v", 1, 0, 0)).epoch());
  }

  @Test
  void aNodeThatIsRemovedFailsWhatWaitsAndIsNotLetInAnyMore() {
    meet();
    b.answer = (from, r, p) -> new CompletableFuture<>();
    CompletableFuture<LinkReply> f =
        demand(LinkRequest.of(Op.FLUSH, "v", 1, 0, 0), Duration.ofSeconds(65));
    assertTrue(TestNode.join(a.hub.remove("b")));
    assertEquals("node b was removed", failure(f).getMessage());
    assertFalse(TestNode.join(a.hub.remove("b")));
    assertTrue(a.hub.to("b").isEmpty());
    await().until(() -> b.peer("a").state() == LinkState.REFUSED);
  }

  @Test
  void theRoundTripIsKnownOnceANodeIsUp() {
    meet();
    await().until(() -> a.to("b").roundTripNanos() > 0);
  }

  static LinkException failure(CompletableFuture<LinkReply> f) {
    return (LinkException)
        assertThrows(CompletionException.class, () -> TestNode.join(f)).getCause();
  }
}
