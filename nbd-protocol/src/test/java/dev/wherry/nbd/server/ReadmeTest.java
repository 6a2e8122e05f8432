package dev.wherry.nbd.server;

import static dev.wherry.nbd.server.RefusedException.Reason.UNKNOWN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import java.io.DataInputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
@SuppressWarnings("AddressSelection") // an address, not a name
class ReadmeTest {
  // README: the lines between here and there, but for the port.

  static NbdServer serve(EventLoopGroup group, InetSocketAddress[] bound) {
    Export disk = new MemoryExport(64 << 20);
    ExportStats stats = new ExportStats();
    record Open(String name, Export export, ExportStats stats) implements ExportDirectory.Session {
      @Override
      public void close() {}
    }
    ExportDirectory directory =
        new ExportDirectory() {
          @Override
          public CompletableFuture<List<Entry>> list(Peer peer) {
            return CompletableFuture.completedFuture(
                List.of(new Entry("disk", "64 MiB of memory")));
          }

          @Override
          public CompletableFuture<Session> open(String name, Peer peer) {
            return name.isEmpty() || name.equals("disk")
                ? CompletableFuture.completedFuture(new Open("disk", disk, stats))
                : CompletableFuture.failedFuture(
                    new RefusedException(UNKNOWN, "no export " + name));
          }
        };
    NbdServer server =
        NbdServer.create(new NbdServerOptions(group, directory, ServerLimits.DEFAULT, null, 0));
    bound[0] =
        (InetSocketAddress)
            server
                .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), TlsMode.OFF)
                .join()
                .address();
    return server;
  }

  @Test
  void theServerOfTheReadmeServes() throws Exception {
    EventLoopGroup group = new MultiThreadIoEventLoopGroup(2, EpollIoHandler.newFactory());
    InetSocketAddress[] bound = new InetSocketAddress[1];
    NbdServer server = serve(group, bound);
    try (Socket socket = new Socket(bound[0].getAddress(), bound[0].getPort())) {
      socket.getOutputStream().write(new Script().flags().option(1).bytes());
      DataInputStream in = new DataInputStream(socket.getInputStream());
      in.readFully(new byte[18]);
      assertEquals(64 << 20, in.readLong());
    }
    server.shutdown(1_000).get(60, TimeUnit.SECONDS);
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
  }

  @Test
  void theReadmeShowsWhatTheTestCompiles() throws Exception {
    String test =
        plain(
            Files.readString(
                Path.of("src/test/java", getClass().getName().replace('.', '/') + ".java")));
    String readme = Files.readString(Path.of("README.md"));
    String block = readme.substring(readme.indexOf("```java", readme.indexOf("## A server")) + 7);
    for (String line : block.substring(0, block.indexOf("```")).lines().toList()) {
      // The port and the event loops are the test's own.
      if (!line.contains("server.listen")) {
        assertTrue(test.contains(plain(line)), "README differs from ReadmeTest in: " + line);
      }
    }
  }

  private static String plain(String code) {
    return code.replace("@Override", "")
        .chars()
        .filter(c -> !Character.isWhitespace(c))
        .mapToObj(c -> String.valueOf((char) c))
        .collect(Collectors.joining());
  }
}
