package dev.wherry.path.link;

import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.ssl.SslContext;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A node in a test: a hub that listens, and a service that a test can hold back. */
final class TestNode implements AutoCloseable {
  /** How a test answers. */
  interface Answer {
    CompletableFuture<LinkReply> to(String from, LinkRequest request, Priority priority);
  }

  final LinkIdentity identity;
  final LinkHub hub;
  final int port;
  final List<String> events = new CopyOnWriteArrayList<>();
  final Map<String, UUID> pins = new ConcurrentHashMap<>();
  volatile Answer answer = (from, r, p) -> done(LinkReply.ok(r.epoch(), r.payload().retain()));

  TestNode(EventLoopGroup group, String name, UnaryOperator<LinkOptions> with) {
    this(group, new LinkIdentity(name, UUID.randomUUID()), null, null, 0, with);
  }

  TestNode(
      EventLoopGroup group,
      LinkIdentity identity,
      @Nullable SslContext serverTls,
      @Nullable SslContext clientTls,
      int port,
      UnaryOperator<LinkOptions> with) {
    this.identity = identity;
    LinkOptions quick =
        LinkOptions.of(group, identity, serverTls, clientTls)
            .withTimes(Duration.ofMillis(200), Duration.ofSeconds(2), Duration.ofMillis(100));
    LinkService service =
        new LinkService() {
          @Override
          public CompletableFuture<LinkReply> serve(String from, LinkRequest r, Priority p) {
            return answer.to(from, r, p);
          }

          @Override
          public void up(String node) {
            events.add("up " + node);
          }

          @Override
          public void down(String node) {
            events.add("down " + node);
          }
        };
    this.hub = new LinkHub(with.apply(quick), service, pins::put);
    this.port =
        join(hub.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), port))).getPort();
  }

  static CompletableFuture<LinkReply> done(LinkReply r) {
    return CompletableFuture.completedFuture(r);
  }

  static <T> T join(CompletableFuture<T> f) {
    return f.orTimeout(70, TimeUnit.SECONDS).join();
  }

  TestNode knows(TestNode other) {
    return knows(other.identity.name(), other.port);
  }

  TestNode knows(String name, int at) {
    hub.add(name, InetSocketAddress.createUnresolved("127.0.0.1", at), null);
    return this;
  }

  Link to(String node) {
    return hub.to(node).orElseThrow();
  }

  LinkPeer peer(String node) {
    return hub.peer(node).orElseThrow();
  }

  /** Calls and waits. */
  LinkReply ask(String node, LinkRequest r) {
    return join(to(node).call(r, Priority.DEMAND, Duration.ofSeconds(60)));
  }

  static byte[] take(ByteBuf b) {
    byte[] bytes = new byte[b.readableBytes()];
    b.readBytes(bytes);
    b.release();
    return bytes;
  }

  @Override
  public void close() {
    join(hub.close());
  }
}
