package dev.wherry.daemon.process;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollDomainDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.EventExecutor;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells systemd how the daemon is (sd_notify(3)): READY, STOPPING, and WATCHDOG while every event
 * loop still turns. Does nothing where NOTIFY_SOCKET is not set. Safe on any thread, never blocks.
 */
public final class Systemd implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Systemd.class);

  private final @Nullable EventLoopGroup loop;
  private final @Nullable ChannelFuture connected;

  private Systemd(@Nullable EventLoopGroup loop, @Nullable ChannelFuture connected) {
    this.loop = loop;
    this.connected = connected;
  }

  /** Connects to the socket that the environment names, if any. */
  public static Systemd open(Map<String, String> environment) {
    String path = environment.getOrDefault("NOTIFY_SOCKET", "");
    // A leading @ stands for the zero byte of an abstract socket.
    DomainSocketAddress target =
        new DomainSocketAddress(path.startsWith("@") ? "\0" + path.substring(1) : path);
    if (path.isEmpty()) {
      return new Systemd(null, null);
    }
    if (!Epoll.isAvailable()) {
      log.warn("systemd is not notified: unix datagrams need epoll, {}", "which is not there");
      return new Systemd(null, null);
    }
    EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    ChannelFuture connected =
        new Bootstrap()
            .group(loop)
            .channel(EpollDomainDatagramChannel.class)
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel ch) {}
                })
            .connect(target)
            .addListener(
                f -> {
                  if (!f.isSuccess()) {
                    log.warn("systemd cannot be notified at {}: {}", path, f.cause().toString());
                  }
                });
    return new Systemd(loop, connected);
  }

  public void ready() {
    send("READY=1\nSTATUS=serving");
  }

  public void stopping() {
    send("STOPPING=1\nSTATUS=finishing requests");
  }

  /**
   * Reports twice within the interval of WATCHDOG_USEC, each time only if every given loop has run
   * a task since the last time.
   */
  public void watch(Map<String, String> environment, EventLoopGroup watched) {
    String micros = environment.getOrDefault("WATCHDOG_USEC", "");
    if (loop == null || !micros.matches("[0-9]{1,15}")) {
      return;
    }
    long period = Math.max(1, Long.parseLong(micros) / 2);
    List<io.netty.util.concurrent.Future<?>> turns = new ArrayList<>();
    loop.scheduleWithFixedDelay(() -> turn(watched, turns), 0, period, TimeUnit.MICROSECONDS);
  }

  private void turn(EventLoopGroup watched, List<io.netty.util.concurrent.Future<?>> turns) {
    if (!turns.stream().allMatch(io.netty.util.concurrent.Future::isDone)) {
      log.error("an event loop does not turn; the watchdog is not fed");
      return;
    }
    turns.clear();
    send("WATCHDOG=1");
    for (EventExecutor e : watched) {
      turns.add(e.submit(() -> {}));
    }
  }

  private void send(String message) {
    if (connected == null) {
      return;
    }
    // Listeners run in their order, once connected.
    connected.addListener(
        c ->
            connected
                .channel()
                .writeAndFlush(Unpooled.copiedBuffer(message, StandardCharsets.UTF_8))
                .addListener(
                    f -> {
                      if (!f.isSuccess()) {
                        log.debug("systemd was not told {}", message, f.cause());
                      }
                    }));
  }

  @Override
  public void close() {
    if (connected != null) {
      connected.channel().close().awaitUninterruptibly(1, TimeUnit.SECONDS);
    }
    if (loop != null) {
      loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
  }
}
