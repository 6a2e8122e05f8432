package dev.wherry.path.link;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.wherry.nbd.Certificates;
import dev.wherry.nbd.NbdTls;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.ssl.SslContext;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Nodes that demand TLS, and those that have not what it takes. */
class LinkTlsTest {
  @TempDir static Path dir;
  private static Path ours;
  private static Path theirs;

  private EventLoopGroup group;
  private TestNode b;

  @BeforeAll
  static void makeCertificates() throws IOException {
    ours = Certificates.make(dir.resolve("ours"), Certificates.Key.EC);
    theirs = Certificates.make(dir.resolve("theirs"), Certificates.Key.EC);
  }

  @BeforeEach
  void open() {
    group = Loops.EPOLL.create(2);
    b = node("b", NbdTls.server(ours), NbdTls.client(ours, true));
  }

  @AfterEach
  void close() {
    b.close();
    Loops.close(group);
  }

  private TestNode node(String name, @Nullable SslContext server, @Nullable SslContext client) {
    return new TestNode(
        group,
        new LinkIdentity(name, UUID.randomUUID()),
        server,
        client,
        0,
        UnaryOperator.identity());
  }

  private void refused(TestNode a, String reason) {
    b.knows(a);
    a.knows(b);
    isRefused(a, "b", reason);
  }

  /** At one of its attempts: at others it may be the reset that comes first. */
  private static void isRefused(TestNode node, String by, String reason) {
    await(reason)
        .until(
            () -> node.peer(by),
            p -> p.state() == LinkState.REFUSED && String.valueOf(p.reason()).contains(reason));
  }

  @Test
  void nodesOfOneAuthorityMeet() {
    try (TestNode a = node("a", NbdTls.server(ours), NbdTls.client(ours, true))) {
      b.knows(a);
      a.knows(b);
      await().until(() -> a.to("b").isUp() && b.to("a").isUp());
      byte[] bytes = new byte[(5 << 20) + 3];
      new Random(3).nextBytes(bytes);
      LinkReply r =
          a.ask(
              "b",
              LinkRequest.of(Op.WRITE, "v", 1, 0, 0).withPayload(Unpooled.wrappedBuffer(bytes)));
      assertArrayEquals(bytes, TestNode.take(r.payload()));
    }
  }

  @Test
  void aNodeWithoutTlsIsRefusedInWords() {
    try (TestNode a = node("a", null, null)) {
      refused(a, "it demands TLS, and this node came without");
      isRefused(b, "a", "TLS: ");
      isRefused(b, "a", "handshake_failure");
    }
  }

  @Test
  void aCertificateOfAnotherAuthorityIsRefused() {
    // It trusts b, but b does not trust it.
    try (TestNode a = node("a", NbdTls.server(ours), NbdTls.client(theirs, false))) {
      refused(a, "TLS: ");
    }
  }

  @Test
  void aNodeWithoutACertificateIsRefused() {
    try (TestNode a = node("a", NbdTls.server(ours), NbdTls.client(null, false))) {
      refused(a, "TLS: ");
    }
  }

  @Test
  void aListenerThatOurAuthorityDoesNotKnowIsRefused() {
    try (TestNode a = node("a", NbdTls.server(ours), NbdTls.client(theirs, true))) {
      refused(a, "TLS: ");
    }
  }
}
