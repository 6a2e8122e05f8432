package dev.wherry.nbd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Certificates;
import dev.wherry.nbd.NbdTls;
import dev.wherry.nbd.NbdUri;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** TLS with nbdkit, which uses GnuTLS. */
final class TlsIT {
  @TempDir Path dir;
  private Path certificates;
  private final EventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());

  @BeforeEach
  void make() throws IOException {
    certificates = Certificates.make(dir.resolve("pki"), Certificates.Key.EC);
  }

  @AfterEach
  void stop() throws InterruptedException {
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).await(10, TimeUnit.SECONDS);
  }

  private OtherServer nbdkit(Path pki, String tls) throws IOException {
    return OtherServer.nbdkit(
        dir.resolve("s"),
        "--tls=" + tls,
        "--tls-verify-peer",
        "--tls-certificates=" + pki,
        "memory",
        "64M");
  }

  private NbdUri uri(String more) {
    return NbdUri.parse("nbds+unix:///?socket=" + dir.resolve("s") + more);
  }

  private NbdConnectException refused(NbdUri uri, NbdClientOptions options) {
    NbdConnectException e =
        assertInstanceOf(
            NbdConnectException.class, Wait.failure(NbdClient.connect(uri, options, group)));
    assertEquals(NbdConnectException.Reason.REFUSED, e.reason(), e.getMessage());
    return e;
  }

  @ParameterizedTest
  @EnumSource
  void readsAndWritesOverTls(Certificates.Key kind) throws IOException {
    Path pki = Certificates.make(dir.resolve("pki-" + kind), kind);
    try (OtherServer server = nbdkit(pki, "require")) {
      NbdClient client =
          Wait.get(
              NbdClient.connect(uri("&tls-certificates=" + pki), NbdClientOptions.DEFAULTS, group));
      byte[] bytes = new byte[300_000];
      new Random(1).nextBytes(bytes);
      Wait.get(client.write(12345, Unpooled.wrappedBuffer(bytes), 0));
      Wait.get(client.flush());
      ByteBuf data = Wait.get(client.read(12345, bytes.length));
      assertEquals(Unpooled.wrappedBuffer(bytes), data);
      data.release();
      Wait.get(client.close());
      assertTrue(server.pid() > 0);
    }
  }

  @Test
  void theDefaultDirectoryIsTheOptions() throws IOException {
    try (OtherServer server = nbdkit(certificates, "require")) {
      Wait.get(
          Wait.get(
                  NbdClient.connect(
                      uri(""), NbdClientOptions.DEFAULTS.withTlsDir(certificates), group))
              .close());
      assertTrue(server.pid() > 0);
    }
  }

  @Test
  void aServerWhoseCertificateAnotherAuthoritySignedIsRefused() throws IOException {
    Path other = Certificates.make(dir.resolve("other"), Certificates.Key.EC);
    try (OtherServer server = nbdkit(other, "require")) {
      NbdConnectException e =
          refused(uri("&tls-certificates=" + certificates), NbdClientOptions.DEFAULTS);
      assertTrue(e.getMessage().contains("TLS failed"), e.getMessage());
      assertTrue(server.pid() > 0);
    }
  }

  @Test
  void aServerOfAnotherNameIsRefusedAndTlsHostnameSaysWhichIsMeant() throws IOException {
    try (OtherServer server = nbdkit(certificates, "require")) {
      String base = "&tls-certificates=" + certificates;
      refused(uri(base + "&tls-hostname=elsewhere"), NbdClientOptions.DEFAULTS);
      for (String good : new String[] {"&tls-hostname=localhost", "&tls-verify-peer=false"}) {
        Wait.get(
            Wait.get(NbdClient.connect(uri(base + good), NbdClientOptions.DEFAULTS, group))
                .close());
      }
      assertTrue(server.pid() > 0);
    }
  }

  @Test
  void aClientWithoutACertificateIsTurnedAway() throws IOException {
    Files.delete(certificates.resolve(NbdTls.CLIENT_CERT));
    Files.delete(certificates.resolve(NbdTls.CLIENT_KEY));
    try (OtherServer server = nbdkit(certificates, "require")) {
      Throwable e =
          Wait.failure(
              NbdClient.connect(
                  uri("&tls-certificates=" + certificates), NbdClientOptions.DEFAULTS, group));
      assertInstanceOf(NbdConnectException.class, e);
      assertTrue(server.pid() > 0);
    }
  }

  @Test
  void neverFallsBackToClearText() throws IOException {
    try (OtherServer server = OtherServer.nbdkit(dir.resolve("s"), "memory", "1M")) {
      NbdConnectException e =
          refused(uri("&tls-certificates=" + certificates), NbdClientOptions.DEFAULTS);
      assertTrue(e.getMessage().contains("it refuses TLS"), e.getMessage());
      assertTrue(server.pid() > 0);
    }
  }

  @Test
  void aServerThatWantsTlsSaysSo() throws IOException {
    try (OtherServer server = nbdkit(certificates, "require")) {
      NbdConnectException e = refused(NbdUri.unix(dir.resolve("s"), ""), NbdClientOptions.DEFAULTS);
      assertTrue(e.getMessage().contains("it wants TLS: use nbds+unix"), e.getMessage());
      assertTrue(server.pid() > 0);
    }
  }
}
