package dev.wherry.daemon;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import dev.wherry.daemon.config.CommandLine;
import dev.wherry.daemon.config.Configuration;
import dev.wherry.daemon.config.ConfigurationReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** What a daemon plays for itself, of which nobody is to notice anything. */
class RehearsalTest {
  private static final Duration LIMIT = Duration.ofMinutes(1);
  private static final Rehearsal.Times LONG =
      new Rehearsal.Times(Duration.ZERO, Duration.ofMinutes(10), LIMIT);

  @TempDir Path dir;
  private final Http http = Http.start();
  private final Said said = new Said();
  private @Nullable Level before;

  /** All that is logged, by whatever class. */
  private static final class Said extends AppenderBase<ILoggingEvent> {
    final ConcurrentLinkedQueue<String> lines = new ConcurrentLinkedQueue<>();

    @Override
    protected void append(ILoggingEvent e) {
      lines.add(e.getLevel() + " " + e.getLoggerName() + " " + e.getFormattedMessage());
    }
  }

  @BeforeEach
  void listen() {
    said.start();
    root().addAppender(said);
    before = root().getLevel();
    root().setLevel(Level.INFO);
  }

  @AfterEach
  void close() throws Exception {
    root().detachAppender(said);
    root().setLevel(before);
    http.close().get(20, TimeUnit.SECONDS);
  }

  private static Logger root() {
    return (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
  }

  private Path folder() {
    return dir.resolve("rehearsal");
  }

  private Rehearsal rehearsal(Path folder, String... more) {
    String[] args = Arrays.copyOf(more, more.length + 2);
    args[more.length] = "--data";
    args[more.length + 1] = dir.toString();
    CommandLine line = CommandLine.parse(args, Map.of());
    Configuration config = ConfigurationReader.read(line.settings(), Map.of(), line.file());
    return new Rehearsal(config, http, folder, LONG);
  }

  private static List<String> quietThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(t -> isQuiet(t.getThreadGroup()))
        .map(Thread::getName)
        .toList();
  }

  private static boolean isQuiet(@Nullable ThreadGroup group) {
    return group != null && group.getName().equals("rehearsal");
  }

  private static void isOver(Rehearsal r) {
    await().atMost(LIMIT).until(r::isOver);
  }

  private static void noThreadIsLeft() {
    await().atMost(LIMIT).until(() -> quietThreads().isEmpty());
  }

  @Test
  void itHandsOverToTheEndWithRequestsOfEachHostAloneAndLeavesNothingBehindAndSaysNothing() {
    Rehearsal r = rehearsal(folder());
    r.begin();
    await().atMost(LIMIT).until(() -> !quietThreads().isEmpty());
    isOver(r);
    assertEquals(RehearsalPlay.MOST, r.handOvers());
    assertEquals(RehearsalPlay.HOSTS, r.alone().size());
    for (int requests : r.alone()) {
      assertTrue(requests >= RehearsalPlay.REQUESTS, () -> "requests alone: " + r.alone());
    }
    assertFalse(Files.exists(folder()));
    noThreadIsLeft();
    assertEquals(List.of(), List.copyOf(said.lines));
  }

  @Test
  void aStopInTheMiddleEndsItBeforeItsEnd() throws InterruptedException {
    Rehearsal r = rehearsal(folder(), "--io", "nio");
    r.begin();
    await()
        .atMost(LIMIT)
        .until(() -> Files.exists(folder().resolve("rehearsal2/volumes/rehearsal0.img")));
    r.stop();
    assertTrue(r.awaitEnd());
    assertTrue(r.isOver());
    assertTrue(r.handOvers() < RehearsalPlay.MOST, "it was played to its end");
    assertFalse(Files.exists(folder()));
    noThreadIsLeft();
    assertEquals(List.of(), List.copyOf(said.lines));
  }

  @Test
  void afterAStopNoneBegins() throws InterruptedException {
    Rehearsal r = rehearsal(folder());
    r.stop();
    r.begin();
    assertTrue(r.awaitEnd());
    assertFalse(Files.exists(folder()));
    assertEquals(List.of(), quietThreads());
  }

  @Test
  void whereItIsSwitchedOffNoneBegins() throws InterruptedException {
    Rehearsal r = rehearsal(folder(), "--rehearse", "false");
    r.begin();
    assertTrue(r.awaitEnd());
    assertFalse(r.isOver());
    r.tell();
    assertFalse(http.metrics().scrape().contains("rehearsal"));
  }

  @Test
  void whereItHasNoFolderThereIsNoneAndOneLineForWhoeverLooksForOne() throws IOException {
    Logger log = (Logger) LoggerFactory.getLogger(Rehearsal.class);
    log.setLevel(Level.DEBUG);
    try {
      Rehearsal r = rehearsal(Files.createFile(dir.resolve("file")).resolve("rehearsal"));
      r.tell();
      r.begin();
      isOver(r);
      assertEquals(0, r.handOvers());
      assertEquals(1, said.lines.size(), () -> said.lines.toString());
      assertTrue(said.lines.element().startsWith("DEBUG"), said.lines.element());
      assertTrue(http.metrics().scrape().contains("wherry_rehearsal_done 1"));
    } finally {
      log.setLevel(null);
    }
  }

  @Test
  void whatACrashHasLeftIsGoneAfterAStartAndWhatALinkLeadsToIsNot() throws IOException {
    Path kept = Files.writeString(Files.createDirectory(dir.resolve("kept")).resolve("file"), "x");
    Path data = Files.createDirectory(dir.resolve("data"));
    Path left = Files.createDirectories(data.resolve("rehearsal/rehearsal1/volumes"));
    Files.writeString(left.resolve("rehearsal0.img"), "x");
    Files.createSymbolicLink(left.resolve("link"), kept.getParent());
    Daemon daemon = DaemonRule.start(data);
    try {
      assertFalse(Files.exists(data.resolve("rehearsal")));
      assertTrue(Files.exists(kept));
    } finally {
      assertTrue(daemon.stop());
    }
  }
}
