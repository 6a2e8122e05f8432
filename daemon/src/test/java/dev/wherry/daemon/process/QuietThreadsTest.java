package dev.wherry.daemon.process;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** Whose lines are dropped. */
class QuietThreadsTest {
  private final Logger log = (Logger) LoggerFactory.getLogger("a.logger.of.this.test");
  private final ListAppender<ILoggingEvent> said = new ListAppender<>();

  @BeforeEach
  void listen() {
    said.start();
    log.addAppender(said);
  }

  @AfterEach
  void close() {
    log.detachAppender(said);
  }

  private List<String> lines() {
    return said.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
  }

  private static void run(ThreadGroup group, Runnable work) throws InterruptedException {
    Thread t = new Thread(group, work, "of a group");
    t.start();
    t.join();
  }

  @Test
  void whatAQuietThreadSaysIsDroppedAndWhatOthersSayIsNot() throws InterruptedException {
    run(new QuietThreads("quiet"), () -> log.error("not heard"));
    run(new ThreadGroup("quiet"), () -> log.error("of a group of that name"));
    log.error("of none");
    assertEquals(List.of("of a group of that name", "of none"), lines());
  }

  @Test
  void poolsAndEventLoopsThatAQuietThreadMakesAreQuiet() throws InterruptedException {
    QuietThreads quiet = new QuietThreads("quiet");
    run(new ThreadGroup(quiet, "further"), () -> log.error("of a group in it"));
    run(
        quiet,
        () -> {
          ExecutorService pool = Executors.newFixedThreadPool(1, new DefaultThreadFactory("pool"));
          pool.execute(() -> log.error("of a pool"));
          EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
          loops.execute(() -> log.error("of an event loop"));
          pool.shutdown();
          loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
        });
    log.error("of none");
    assertEquals(List.of("of none"), lines());
  }
}
