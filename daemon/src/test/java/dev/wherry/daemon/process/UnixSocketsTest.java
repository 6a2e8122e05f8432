package dev.wherry.daemon.process;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class UnixSocketsTest {
  @TempDir Path dir;

  @Test
  void aSocketThatNobodyListensOnIsRemoved() throws IOException {
    Path path = dir.resolve("s");
    ServerSocketChannel.open(StandardProtocolFamily.UNIX)
        .bind(UnixDomainSocketAddress.of(path))
        .close();
    assertTrue(Files.exists(path));
    UnixSockets.clear(path);
    assertFalse(Files.exists(path));
    UnixSockets.clear(path);
  }

  @Test
  void aSocketThatSomebodyListensOnStays() throws IOException {
    Path path = dir.resolve("s");
    try (ServerSocketChannel s = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      s.bind(UnixDomainSocketAddress.of(path));
      assertThrows(StartException.class, () -> UnixSockets.clear(path));
      assertTrue(Files.exists(path));
    }
  }

  @Test
  void whatIsNoSocketStays() throws IOException {
    Path path = Files.writeString(dir.resolve("s"), "precious");
    assertThrows(StartException.class, () -> UnixSockets.clear(path));
    assertTrue(Files.exists(path));
  }
}
