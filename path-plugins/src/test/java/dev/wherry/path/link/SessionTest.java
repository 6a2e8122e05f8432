package dev.wherry.path.link;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoopGroup;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What outlives a connection. */
class SessionTest {
  private final AtomicInteger executed = new AtomicInteger();
  private final CompletableFuture<LinkReply> held = new CompletableFuture<>();
  private EventLoopGroup group;
  private TestNode a;
  private TestNode b;
  private BreakingProxy proxy;

  @BeforeEach
  void open() {
    group = Loops.EPOLL.create(2);
    a = new TestNode(group, "a", UnaryOperator.identity());
    start(UnaryOperator.identity());
  }

  private void start(UnaryOperator<LinkOptions> with) {
    b = new TestNode(group, "b", with);
    b.answer =
        (from, r, p) -> {
          executed.incrementAndGet();
          return r.op() == Op.WRITE ? held : TestNode.done(LinkReply.ok(1));
        };
    b.knows(a);
    proxy = new BreakingProxy(b.port);
  }

  @AfterEach
  void close() {
    a.close();
    b.close();
    proxy.close();
    Loops.close(group);
  }

  private void meet() {
    a.knows("b", proxy.port());
    await().until(() -> a.to("b").isUp());
  }

  private CompletableFuture<LinkReply> ask(TestNode from, Op op, int millis) {
    return from.to("b")
        .call(LinkRequest.of(op, "v", 1, 0, 0), Priority.DEMAND, Duration.ofMillis(millis));
  }

  @Test
  void anAnswerThatWasReadyWhileThereWasNoConnectionComesWithTheNext() {
    meet();
    CompletableFuture<LinkReply> f = ask(a, Op.WRITE, 60_000);
    await().until(() -> executed.get() == 1);
    proxy.block(true);
    proxy.cut();
    await().until(() -> !a.to("b").isUp());
    held.complete(LinkReply.ok(77));
    proxy.block(false);
    assertEquals(77, TestNode.join(f).epoch());
    assertEquals(1, executed.get());
    await().until(() -> a.events.containsAll(List.of("up b", "down b")));
  }

  @Test
  void aConnectionThatFallsSilentIsGivenUpAndTheRequestGoesOnOnTheNext() {
    meet();
    CompletableFuture<LinkReply> f = ask(a, Op.WRITE, 60_000);
    await().until(() -> executed.get() == 1);
    proxy.silence();
    held.complete(LinkReply.ok(78));
    assertEquals(78, TestNode.join(f).epoch());
    assertEquals(1, executed.get());
    assertTrue(proxy.connections.get() > 1);
  }

  @Test
  void aConnectionIsWelcomeAgainOnlyWhenWhatWasWithdrawnHasEnded() {
    meet();
    CompletableFuture<LinkReply> f = ask(a, Op.WRITE, 2000);
    await().until(() -> executed.get() == 1);
    proxy.cut();
    assertFalse(LinkHubTest.failure(f).unsent());
    proxy.cut();
    CompletableFuture<LinkReply> next = ask(a, Op.FLUSH, 60_000);
    await().until(() -> !a.to("b").isUp());
    assertEquals(1, executed.get());
    assertFalse(next.isDone());
    held.complete(LinkReply.ok(1));
    assertTrue(TestNode.join(next).isOk());
  }

  @Test
  void aNewLifeOfTheDialerWaitsForWhatItsOldOneAsked() {
    meet();
    ask(a, Op.WRITE, 60_000);
    await().until(() -> executed.get() == 1);
    TestNode old = a;
    old.close();
    a = new TestNode(group, old.identity, null, null, old.port, UnaryOperator.identity());
    a.knows("b", proxy.port());
    CompletableFuture<LinkReply> next = ask(a, Op.FLUSH, 60_000);
    int before = proxy.connections.get();
    await().until(() -> proxy.connections.get() > before || b.to("a").isUp());
    assertEquals(1, executed.get());
    assertFalse(next.isDone());
    held.complete(LinkReply.ok(1));
    assertTrue(TestNode.join(next).isOk());
    assertEquals(2, executed.get());
  }

  /** It is served by asking back, for what the dialer may need its connection. */
  @Test
  void aNewLifeOfTheDialerDoesNotWaitForAnActivationThatItsOldOneAskedFor() {
    b.answer =
        (from, r, p) -> {
          executed.incrementAndGet();
          return r.op() == Op.ACTIVATE ? held : TestNode.done(LinkReply.ok(1));
        };
    meet();
    ask(a, Op.ACTIVATE, 60_000);
    await().until(() -> executed.get() == 1);
    TestNode old = a;
    old.close();
    a = new TestNode(group, old.identity, null, null, old.port, UnaryOperator.identity());
    a.knows("b", proxy.port());
    assertTrue(TestNode.join(ask(a, Op.FLUSH, 60_000)).isOk());
    held.complete(LinkReply.ok(1));
    assertTrue(TestNode.join(ask(a, Op.FLUSH, 60_000)).isOk());
  }

  @Test
  void whatMayHaveBeenExecutedIsNotSentAgainToTheSameLifeThatForgotTheSession() {
    b.close();
    proxy.close();
    start(o -> o.withSessionLife(Duration.ofMillis(50)));
    meet();
    CompletableFuture<LinkReply> f = ask(a, Op.WRITE, 60_000);
    await().until(() -> executed.get() == 1);
    proxy.block(true);
    proxy.cut();
    held.complete(LinkReply.ok(1));
    await().pollDelay(Duration.ofSeconds(1)).until(() -> !a.to("b").isUp());
    proxy.block(false);
    LinkException e = LinkHubTest.failure(f);
    assertFalse(e.unsent());
    assertTrue(e.getMessage().contains("forgot the session"), e.getMessage());
    assertEquals(1, executed.get());
  }

  @Test
  void whatTheOtherLifeDidNotAnswerIsSentToTheNext() {
    meet();
    CompletableFuture<LinkReply> f = ask(a, Op.WRITE, 60_000);
    await().until(() -> executed.get() == 1);
    TestNode old = b;
    old.close();
    b = new TestNode(group, old.identity, null, null, old.port, UnaryOperator.identity());
    b.answer = (from, r, p) -> TestNode.done(LinkReply.ok(79));
    b.knows(a);
    assertEquals(79, TestNode.join(f).epoch());
  }

  @Test
  void aCallOfAHigherClassOvertakesLongAnswersThatWaitAlready() {
    meet();
    int most = 30;
    List<String> order = new CopyOnWriteArrayList<>();
    byte[] random = new byte[1 << 20];
    new java.util.Random(1).nextBytes(random);
    List<CompletableFuture<LinkReply>> late = new ArrayList<>();
    CompletableFuture<LinkReply> last = new CompletableFuture<>();
    b.answer =
        (from, r, p) -> {
          // On the event loop: all are answered at once, the short one last.
          CompletableFuture<LinkReply> answer = last;
          if (p == Priority.BACKGROUND) {
            answer = new CompletableFuture<>();
            late.add(answer);
          }
          if (executed.incrementAndGet() == most + 1) {
            late.forEach(f -> f.complete(LinkReply.ok(1, Unpooled.wrappedBuffer(random))));
            last.complete(LinkReply.ok(1));
          }
          return answer;
        };
    List<CompletableFuture<Void>> all = new CopyOnWriteArrayList<>();
    for (int i = 0; i < most; i++) {
      all.add(
          a.to("b")
              .call(
                  LinkRequest.of(Op.FETCH, "v", 1, 0, 1 << 20),
                  Priority.BACKGROUND,
                  Duration.ofSeconds(60))
              .thenAccept(
                  r -> {
                    r.payload().release();
                    order.add("background");
                  }));
    }
    all.add(ask(a, Op.FLUSH, 60_000).thenAccept(r -> order.add("demand")));
    all.forEach(TestNode::join);
    assertTrue(order.indexOf("demand") < most / 2, order.toString());
  }

  @Test
  void aClassWhoseCreditsAreUsedUpKeepsNoOtherWaiting() {
    meet();
    int most = Window.defaults().get(3).requests();
    List<CompletableFuture<LinkReply>> all = new CopyOnWriteArrayList<>();
    for (int i = 0; i < most + 50; i++) {
      all.add(
          a.to("b")
              .call(
                  LinkRequest.of(Op.WRITE, "v", 1, 0, 0),
                  Priority.BACKGROUND,
                  Duration.ofSeconds(30)));
    }
    await().until(() -> executed.get() == most);
    assertTrue(TestNode.join(ask(a, Op.FLUSH, 60_000)).isOk());
    assertEquals(most + 1, executed.get());
    held.complete(LinkReply.ok(1));
    all.forEach(TestNode::join);
    assertEquals(most + 51, executed.get());
  }
}
