package dev.wherry.nbd.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.wherry.nbd.Export;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.handler.ssl.SslContext;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A server without sockets, and what must hold of it when all its peers are gone ({@link #close}).
 */
final class TestServer implements AutoCloseable {
  /** No peer is ever dropped for stalling: the clock of these tests stands still. */
  static final ServerLimits LIMITS =
      new ServerLimits(1024, 10_000, 256, 64 << 20, 128 << 20, 192 << 20, Integer.MAX_VALUE);

  private static final EventLoopGroup GROUP =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("test", true), NioIoHandler.newFactory());

  final MapDirectory directory = new MapDirectory();
  final ServerCore core;
  private final List<TestPeer> peers = new ArrayList<>();
  private Feed feed = Feed.WHOLE;

  TestServer(ServerLimits limits, @Nullable SslContext tls) {
    core = new ServerCore(new NbdServerOptions(GROUP, directory, limits, tls, 0));
  }

  TestServer(ServerLimits limits) {
    this(limits, null);
  }

  TestServer() {
    this(LIMITS);
  }

  TestServer serve(String name, Export export) {
    directory.exports.put(name, export);
    return this;
  }

  TestServer feed(Feed how) {
    feed = how;
    return this;
  }

  TestPeer connect() {
    return connect(TlsMode.OFF);
  }

  TestPeer connect(TlsMode tls) {
    return connect(tls, peers.size() + 1);
  }

  TestPeer connect(TlsMode tls, long seed) {
    TestPeer peer = new TestPeer(this, tls, feed, seed);
    peers.add(peer);
    return peer;
  }

  /** Closes what is open; then nothing may be left. */
  @Override
  public void close() {
    for (TestPeer p : peers) {
      p.close();
      p.channel().checkException();
    }
    assertEquals(0, core.budget().used(), "bytes of the budget that nobody uses");
    assertEquals(0, directory.open.get(), "sessions that are open");
    assertEquals(0, core.connections().size(), "connections");
  }
}
