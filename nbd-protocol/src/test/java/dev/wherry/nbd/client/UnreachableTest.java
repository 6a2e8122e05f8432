package dev.wherry.nbd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.wherry.nbd.NbdUri;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.nio.NioIoHandler;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** What operators read when nobody is there, on both transports. */
@ParameterizedClass
@ValueSource(booleans = {true, false})
@Timeout(120)
class UnreachableTest {
  @Parameter boolean epoll;
  @TempDir Path dir;

  private String failure(NbdUri uri) throws InterruptedException {
    EventLoopGroup group =
        new MultiThreadIoEventLoopGroup(
            1, epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory());
    try {
      ExecutionException e =
          assertThrows(
              ExecutionException.class,
              () ->
                  NbdClient.connect(uri, NbdClientOptions.DEFAULTS, group)
                      .get(60, TimeUnit.SECONDS));
      return String.valueOf(e.getCause().getMessage());
    } finally {
      group.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
    }
  }

  @Test
  void aSocketThatIsMissingIsSaidToBeMissing() throws InterruptedException {
    Path missing = dir.resolve("missing");
    assertEquals("NBD server " + missing + ": no such socket", failure(NbdUri.unix(missing, "")));
  }

  @Test
  void aPortWhereNobodyListensRefuses() throws Exception {
    String place = "127.0.0.1:" + freePort();
    assertEquals(
        "NBD server " + place + ": connection refused", failure(NbdUri.parse("nbd://" + place)));
  }

  private static int freePort() throws IOException {
    try (ServerSocket s = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return s.getLocalPort();
    }
  }
}
