package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Certificates;
import dev.wherry.nbd.NbdTls;
import dev.wherry.nbd.server.ReplyReader.OptionReply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The rules of STARTTLS, and what holds behind it. */
class StartTlsTest {
  @TempDir static Path dir;
  private static SslContext serverTls;
  private static SslContext clientTls;
  private static SslContext nobodyTls;

  private TestServer server;

  @BeforeAll
  static void makeCertificates() throws IOException {
    Certificates.make(dir, Certificates.Key.EC);
    serverTls = NbdTls.server(dir);
    clientTls = NbdTls.client(dir, false);
    nobodyTls = NbdTls.client(null, false);
  }

  @BeforeEach
  void serve() {
    server = new TestServer(TestServer.LIMITS, serverTls).serve("disk", new MemoryExport(4096));
  }

  @AfterEach
  void nothingIsLeft() {
    server.close();
  }

  @Test
  void startTlsIsRefusedByPolicyWhereItIsOff() {
    TestPeer peer = server.connect(TlsMode.OFF).greet();
    assertEquals(REP_ERR_POLICY, peer.askOne(s -> s.option(OPT_STARTTLS)).type());
    assertEquals(REP_ACK, peer.askOne(Script::structured).type());
  }

  @Test
  void startTlsWithDataIsInvalid() {
    TestPeer peer = server.connect(TlsMode.ON).greet();
    assertEquals(REP_ERR_INVALID, peer.askOne(s -> s.option(OPT_STARTTLS, (byte) 1)).type());
  }

  @Test
  void dataInClearBehindStartTlsEndsTheConnection() {
    TestPeer peer = server.connect(TlsMode.ON).greet();
    peer.send(s -> s.option(OPT_STARTTLS).option(OPT_LIST));
    assertFalse(peer.open());
    assertFalse(peer.received().hasMore());
  }

  @Test
  void whereTlsIsRequiredEverythingBeforeItIsRefused() {
    TestPeer peer = server.connect(TlsMode.REQUIRE).greet();
    for (int option : new int[] {3, 4, 6, 7, 8, 9, 10, 11, 99}) {
      assertEquals(REP_ERR_TLS_REQD, peer.askOne(s -> s.option(option)).type());
      assertEquals(REP_ERR_TLS_REQD, peer.askOne(s -> s.option(option, new byte[70_000])).type());
    }
    assertEquals(REP_ERR_TLS_REQD, peer.askOne(s -> s.go("disk")).type());
    assertEquals(REP_ACK, peer.askOne(s -> s.option(OPT_ABORT)).type());
  }

  @Test
  void whereTlsIsRequiredExportNameEndsTheConnection() {
    TestPeer peer = server.connect(TlsMode.REQUIRE).greet();
    peer.send(s -> s.option(OPT_EXPORT_NAME, Script.utf8("disk")));
    assertFalse(peer.open());
    assertFalse(peer.received().hasMore());
  }

  @Test
  void whereTlsIsOfferedClientsMayGoWithout() {
    TestPeer peer = server.connect(TlsMode.ON).attach(TestPeer.Mode.SIMPLE, "disk");
    assertEquals(4, peer.read(1, 0, 4).bytes().length);
  }

  @Test
  void behindTheHandshakeNegotiationStartsAnewAndBytesAreServed() {
    TestPeer peer = server.connect(TlsMode.REQUIRE).greet();
    assertEquals(REP_ACK, peer.askOne(s -> s.option(OPT_STARTTLS)).type());
    try (Tls tls = new Tls(peer, clientTls)) {
      List<OptionReply> again = tls.ask(new Script().option(OPT_STARTTLS)).options();
      assertEquals(REP_ERR_INVALID, again.get(0).type());
      tls.ask(new Script().go("disk")).options();
      assertEquals("host-a", server.directory.connections.get(0).peer().certificateName());
      ReplyReader in = tls.ask(new Script().write(1, 5, (byte) 9).read(2, 0, 6));
      in.expectRead(2, 0, 6);
      assertEquals(0, in.reply().error());
      assertArrayEquals(new byte[] {0, 0, 0, 0, 0, 9}, in.reply().bytes());
    }
  }

  @Test
  void whatWasNegotiatedInClearIsForgottenBehindTls() {
    TestPeer peer = server.connect(TlsMode.ON).greet();
    peer.ask(s -> s.extended().setContexts("disk", "base:allocation"));
    peer.ask(s -> s.option(OPT_STARTTLS));
    try (Tls tls = new Tls(peer, clientTls)) {
      OptionReply refused = tls.ask(new Script().setContexts("disk", "base:allocation")).option();
      assertEquals(REP_ERR_INVALID, refused.type());
      tls.ask(new Script().go("disk")).options();
      // Simple replies to compact requests.
      ReplyReader in = tls.ask(new Script().read(2, 0, 6)).expectRead(2, 0, 6);
      assertTrue(in.reply().types().isEmpty());
    }
  }

  @Test
  void aClientWithoutACertificateIsNotLetIn() {
    TestPeer peer = server.connect(TlsMode.REQUIRE).greet();
    peer.ask(s -> s.option(OPT_STARTTLS));
    try (Tls tls = new Tls(peer, nobodyTls)) {
      assertFalse(tls.ask(new Script().go("disk")).hasMore());
      assertFalse(peer.open());
      assertTrue(server.directory.connections.isEmpty());
    }
  }

  /** The client's end of TLS, in front of a peer that carries the bytes. */
  private static final class Tls implements AutoCloseable {
    private final TestPeer peer;
    private final EmbeddedChannel channel;

    Tls(TestPeer peer, SslContext context) {
      this.peer = peer;
      SslHandler ssl = context.newHandler(ByteBufAllocator.DEFAULT, "localhost", 0);
      this.channel = new EmbeddedChannel(ssl);
      carry();
    }

    /** What comes of it once nothing moves any more. */
    ReplyReader ask(Script script) {
      if (!channel.isOpen()) {
        return new ReplyReader(new byte[0]);
      }
      channel.writeOutbound(Unpooled.wrappedBuffer(script.bytes()));
      carry();
      ByteArrayOutputStream clear = new ByteArrayOutputStream();
      for (Object m = channel.readInbound(); m != null; m = channel.readInbound()) {
        drain((ByteBuf) m, clear);
      }
      return new ReplyReader(clear.toByteArray());
    }

    private void carry() {
      for (int idle = 0; idle < 2; ) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Object m = channel.readOutbound(); m != null; m = channel.readOutbound()) {
          drain((ByteBuf) m, out);
        }
        if (peer.open()) {
          peer.send(out.toByteArray());
        }
        ReplyReader in = peer.received();
        byte[] back = in.take(in.remaining());
        if (back.length > 0) {
          try {
            channel.writeInbound(Unpooled.wrappedBuffer(back));
          } catch (Exception e) {
            // The server's alert: what it refused shows in what it does not answer.
            channel.close();
          }
        }
        idle = out.size() == 0 && back.length == 0 ? idle + 1 : 0;
      }
    }

    private static void drain(ByteBuf b, ByteArrayOutputStream into) {
      byte[] bytes = new byte[b.readableBytes()];
      b.readBytes(bytes);
      b.release();
      into.writeBytes(bytes);
    }

    @Override
    public void close() {
      channel.finishAndReleaseAll();
    }
  }
}
