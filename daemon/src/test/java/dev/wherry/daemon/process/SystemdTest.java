package dev.wherry.daemon.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollDomainDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainDatagramPacket;
import io.netty.channel.unix.DomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SystemdTest {
  @TempDir Path dir;

  private final BlockingQueue<String> told = new ArrayBlockingQueue<>(1000);
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private String socket = "";

  @BeforeEach
  void listen() {
    socket = dir.resolve("notify").toString();
    Channel channel =
        new Bootstrap()
            .group(loops)
            .channel(EpollDomainDatagramChannel.class)
            .handler(
                new SimpleChannelInboundHandler<DomainDatagramPacket>() {
                  @Override
                  protected void channelRead0(ChannelHandlerContext c, DomainDatagramPacket p) {
                    told.add(p.content().toString(StandardCharsets.UTF_8));
                  }
                })
            .bind(new DomainSocketAddress(socket))
            .syncUninterruptibly()
            .channel();
    assertTrue(channel.isActive());
  }

  @AfterEach
  void close() {
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }

  private String next() throws InterruptedException {
    return String.valueOf(told.poll(60, TimeUnit.SECONDS));
  }

  @Test
  void readyAndStoppingAreToldInTheirOrder() throws InterruptedException {
    try (Systemd systemd = Systemd.open(Map.of("NOTIFY_SOCKET", socket))) {
      systemd.ready();
      systemd.stopping();
      assertEquals("READY=1\nSTATUS=serving", next());
      assertTrue(next().startsWith("STOPPING=1"));
    }
  }

  @Test
  void theWatchdogIsFedWhileTheLoopsTurn() throws InterruptedException {
    Map<String, String> environment = Map.of("NOTIFY_SOCKET", socket, "WATCHDOG_USEC", "20000");
    try (Systemd systemd = Systemd.open(environment)) {
      systemd.watch(environment, loops);
      assertEquals("WATCHDOG=1", next());
      assertEquals("WATCHDOG=1", next());
    }
  }

  @Test
  void withoutASocketNothingHappens() {
    try (Systemd systemd = Systemd.open(Map.of())) {
      systemd.ready();
      systemd.watch(Map.of("WATCHDOG_USEC", "1000"), loops);
      systemd.stopping();
    }
    assertTrue(told.isEmpty());
  }
}
