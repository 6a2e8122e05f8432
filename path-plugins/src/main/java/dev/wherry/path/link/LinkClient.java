package dev.wherry.path.link;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoop;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.ScheduledFuture;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way to one node: dials it, again and again, and hands the connection to the {@link Calls}.
 * One event loop.
 */
final class LinkClient implements Link {
  private static final Logger log = LoggerFactory.getLogger(LinkClient.class);
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final long FIRST_WAIT = TimeUnit.MILLISECONDS.toNanos(20);

  /** A connection that was up for less does not count as success. */
  private static final long STABLE = TimeUnit.SECONDS.toNanos(1);

  /** What {@code node list} shows. */
  record Status(LinkState state, String reason) {}

  private final LinkHub hub;
  private final LinkOptions options;
  private final LinkSockets sockets;
  private final String node;
  private final InetSocketAddress address;
  private final EventLoop loop;
  private final Traffic traffic;
  private final RoundTrip roundTrip = new RoundTrip();
  private final long session = RANDOM.nextLong();
  private final Calls calls;

  private final CompletableFuture<LinkProbe> first = new CompletableFuture<>();
  private final Map<Object, CompletableFuture<Void>> awaiting = new ConcurrentHashMap<>();
  private volatile Status status = new Status(LinkState.CONNECTING, "");
  private @Nullable DialedConnection connection;
  private @Nullable ScheduledFuture<?> retry;
  private long attempt;
  private long wait;
  private long upSince;
  private volatile boolean closed;
  private boolean another;
  private final CompletableFuture<Void> done = new CompletableFuture<>();

  LinkClient(
      LinkHub hub,
      LinkOptions options,
      LinkSockets sockets,
      String node,
      InetSocketAddress address,
      Traffic traffic) {
    this.hub = hub;
    this.options = options;
    this.sockets = sockets;
    this.node = node;
    this.address = address;
    this.loop = options.group().next();
    this.traffic = traffic;
    this.calls = new Calls(loop, traffic, this::whyNot);
  }

  void start() {
    loop.execute(this::dial);
  }

  /** As {@link #start}, for one attempt that takes no connection's place for good. */
  void look() {
    attempt = Greeting.Hello.LOOKING - 1;
    start();
  }

  @Override
  public String node() {
    return node;
  }

  @Override
  public boolean isUp() {
    return status.state() == LinkState.UP;
  }

  @Override
  public long roundTripNanos() {
    return roundTrip.nanos();
  }

  @Override
  public CompletableFuture<LinkReply> call(LinkRequest request, Priority priority, Duration limit) {
    return calls.submit(new Call(request, priority, limit));
  }

  @Override
  public CompletableFuture<LinkReply> call(
      LinkRequest request, Priority priority, Duration limit, CompletableFuture<Void> withdrawal) {
    Call c = new Call(request, priority, limit);
    CompletableFuture<LinkReply> answer = calls.submit(c);
    withdrawal.whenComplete((v, failure) -> calls.withdraw(c));
    return answer;
  }

  Status status() {
    return status;
  }

  /** How the first attempt ends. */
  CompletableFuture<LinkProbe> first() {
    return first;
  }

  /**
   * When the node answers, or this is closed; done where it does, or is. Whoever completes it waits
   * no more. Any thread.
   */
  CompletableFuture<Void> answered() {
    CompletableFuture<Void> answered = new CompletableFuture<>();
    Object key = new Object();
    awaiting.put(key, answered);
    answered.whenComplete((v, failure) -> awaiting.remove(key));
    // Looked at when it awaits: whoever changes what is looked at tells those afterwards.
    LinkState now = status.state();
    if (closed || now == LinkState.UP || now == LinkState.REFUSED) {
      answered.complete(null);
    }
    return answered;
  }

  private void tellOfAnswer() {
    awaiting.values().forEach(f -> f.complete(null));
  }

  InetSocketAddress address() {
    return address;
  }

  Traffic traffic() {
    return traffic;
  }

  private String whyNot() {
    Status s = status;
    return "node "
        + node
        + " is "
        + s.state().label()
        + (s.reason().isEmpty() ? "" : " (" + s.reason() + ")");
  }

  /** Dials at once if it waits to: the node was heard of. Any thread. */
  void poke() {
    loop.execute(
        () -> {
          ScheduledFuture<?> r = retry;
          if (r != null && r.cancel(false)) {
            dial();
          }
        });
  }

  private void dial() {
    retry = null;
    if (closed || connection != null) {
      return;
    }
    String host = address.getHostString();
    if (!address.isUnresolved() || NetUtil.createByteArrayFromIpAddressString(host) != null) {
      connect(new InetSocketAddress(host, address.getPort()));
    } else {
      // Names are looked up by the JDK, which blocks.
      CompletableFuture.supplyAsync(() -> new InetSocketAddress(host, address.getPort()))
          .whenComplete((a, t) -> loop.execute(() -> connect(a)));
    }
  }

  private void connect(@Nullable InetSocketAddress to) {
    if (closed || connection != null) {
      return;
    }
    if (to == null || to.isUnresolved()) {
      down(false, new UnknownHostException(address.getHostString()).getMessage() + " is unknown");
      return;
    }
    attempt++;
    DialedConnection c = new DialedConnection(this, options, roundTrip);
    connection = c;
    ChannelFuture connecting =
        sockets
            .client(loop)
            .option(
                io.netty.channel.ChannelOption.CONNECT_TIMEOUT_MILLIS,
                (int) options.connect().toMillis())
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel ch) {
                    sockets.configure(ch);
                    SslContext tls = options.clientTls();
                    if (tls != null) {
                      SslHandler handler =
                          tls.newHandler(ch.alloc(), address.getHostString(), address.getPort());
                      handler.setHandshakeTimeoutMillis(options.connect().toMillis());
                      ch.pipeline().addLast(handler);
                    }
                    ch.pipeline().addLast(c);
                  }
                })
            .connect(sockets.place(to));
    connecting.addListener(
        f -> {
          if (!f.isSuccess()) {
            c.fail(LinkConnection.describe(f.cause()));
          }
        });
  }

  Greeting.Hello hello(long nonce) {
    return new Greeting.Hello(
        nonce, options.identity(), node, session, attempt, calls.pendingForHello());
  }

  void welcome(DialedConnection c, Greeting.Welcome w) {
    String no = w.from().name().equals(node) ? hub.accept(w.from()) : "it is " + w.from().name();
    if (no != null) {
      another = true;
      c.refuse(no);
      return;
    }
    c.greeted();
    upSince = System.nanoTime();
    status = new Status(LinkState.UP, "");
    log.info("node {} at {} is up", node, address);
    calls.connected(c, w);
    c.ping();
    first.complete(new LinkProbe(LinkState.UP, "", false));
    hub.service().up(node);
    tellOfAnswer();
  }

  void answering(int cls, long sequence) {
    calls.answering(cls, sequence);
  }

  void answered(long sequence, LinkReply reply) {
    calls.answered(sequence, reply);
  }

  void cancelled(long sequence) {
    calls.ended(sequence);
  }

  void ended(DialedConnection c, String why) {
    if (connection != c) {
      return;
    }
    connection = null;
    roundTrip.forget();
    calls.disconnected();
    boolean wasUp = c.isUp();
    if (wasUp && System.nanoTime() - upSince >= STABLE) {
      wait = 0;
    }
    if (closed) {
      done.complete(null);
    }
    down(c.isRefused(), why);
    if (wasUp) {
      hub.service().down(node);
    }
  }

  private void down(boolean refused, String why) {
    Status before = status;
    Status now = new Status(refused ? LinkState.REFUSED : LinkState.DOWN, why);
    status = now;
    boolean other = another || (refused && LinkHub.saysOtherName(why, node));
    first.complete(new LinkProbe(now.state(), why, other));
    if (refused) {
      tellOfAnswer();
    }
    if (closed) {
      return;
    }
    if (!now.equals(before)) {
      log.warn("node {} at {} is {}: {}", node, address, now.state().label(), why);
    }
    long most = Math.max(FIRST_WAIT, options.retry().toNanos());
    long base = wait;
    wait = base == 0 ? FIRST_WAIT : Math.min(most, base * 2);
    long delay = base == 0 ? 0 : base / 2 + ThreadLocalRandom.current().nextLong(base / 2 + 1);
    retry = loop.schedule(this::dial, delay, TimeUnit.NANOSECONDS);
  }

  /** Stops; all that waits fails. Completes when the connection is closed. Any thread. */
  CompletableFuture<Void> close(String why) {
    loop.execute(
        () -> {
          closed = true;
          tellOfAnswer();
          if (retry != null) {
            retry.cancel(false);
          }
          calls.close(why);
          DialedConnection c = connection;
          if (c == null) {
            done.complete(null);
          } else {
            c.fail(why);
          }
        });
    return done;
  }
}
