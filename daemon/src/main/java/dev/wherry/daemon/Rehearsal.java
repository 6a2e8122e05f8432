package dev.wherry.daemon;

import dev.wherry.daemon.config.Configuration;
import dev.wherry.daemon.process.QuietThreads;
import dev.wherry.path.io.ThreadWaits;
import io.micrometer.core.instrument.Gauge;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hand-overs between two nodes that this process plays for itself, once, before there is a real
 * one: hosts wait at a hand-over, and that is no time to load classes and to run code that nobody
 * has compiled yet. It is the daemon's own code, in a folder of its own that goes at the end, by
 * threads of which nobody hears; and it is worth nothing if it fails, so that it disturbs nobody.
 * Safe on any thread.
 */
final class Rehearsal {
  private static final Logger log = LoggerFactory.getLogger(Rehearsal.class);

  /** Where less is free, it is left to hosts. */
  private static final long ROOM = 256L << 20;

  /**
   * How long things take.
   *
   * @param after from {@link #begin} to its beginning: what was begun together goes first
   * @param play at most
   * @param end how long a daemon that stops waits for it, at most
   */
  record Times(Duration after, Duration play, Duration end) {
    static final Times DEFAULT =
        new Times(Duration.ofMillis(500), Duration.ofSeconds(30), Duration.ofSeconds(8));
  }

  private final Configuration config;
  private final Http http;
  private final Path folder;
  private final Times times;
  private final AtomicBoolean begun = new AtomicBoolean();
  private final CountDownLatch stopped = new CountDownLatch(1);
  private final CountDownLatch over = new CountDownLatch(1);
  private volatile int handOvers;
  private volatile List<Integer> alone = List.of();
  private volatile @Nullable Throwable failure;

  /** Removes what a crash has left; nothing else is done yet. Blocks. */
  Rehearsal(Configuration config, Base base) {
    this(config, base.http(), base.data().rehearsal(), Times.DEFAULT);
  }

  /** As the other one. */
  Rehearsal(Configuration config, Http http, Path folder, Times times) {
    this.config = config;
    this.http = http;
    this.folder = folder;
    this.times = times;
    remove();
  }

  /** Says in the metrics whether it is over, where there is to be one. */
  void tell() {
    if (config.rehearse()) {
      Gauge.builder("wherry_rehearsal_done", this, r -> r.isOver() ? 1 : 0)
          .description("Is 1 where the first hand-over is as fast as the next one")
          .register(http.metrics());
    }
  }

  /** Begins it, if there is to be one and it has not begun. Never blocks. */
  void begin() {
    if (config.rehearse() && stopped.getCount() > 0 && begun.compareAndSet(false, true)) {
      Thread thread = new Thread(this::run, "wherry-rehearsal");
      thread.setDaemon(true);
      thread.start();
    }
  }

  /** Whether it has ended, however it did. */
  boolean isOver() {
    return over.getCount() == 0;
  }

  /** How many hand-overs there were, when it is over. */
  int handOvers() {
    return handOvers;
  }

  /** How many requests were answered to each host that made some alone, when it is over. */
  List<Integer> alone() {
    return alone;
  }

  /** Ends it soon, or has it never begin. Never blocks. */
  void stop() {
    stopped.countDown();
  }

  /**
   * Waits until it has ended. It never fails; a daemon stops in order also where this takes long.
   */
  boolean awaitEnd() throws InterruptedException {
    stop();
    if (begun.get() && !over.await(times.end.toMillis(), TimeUnit.MILLISECONDS)) {
      log.debug("the rehearsal does not end within {} s", times.end.toSeconds());
    }
    return true;
  }

  private void run() {
    try {
      if (stopped.await(times.after.toMillis(), TimeUnit.MILLISECONDS)) {
        return;
      }
      makeThreadsOfAll();
      Files.createDirectory(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      if (Files.getFileStore(folder).getUsableSpace() < ROOM) {
        throw new IOException("less than " + (ROOM >> 20) + " MiB are free");
      }
      Thread play = new Thread(new QuietThreads("rehearsal"), this::play, "wherry-rehearsal-play");
      play.setDaemon(true);
      play.start();
      play.join();
      if (failure != null) {
        log.debug("the rehearsal did not come to its end", failure);
      }
      // What it leaves is collected now and not, at a length that hosts notice, a while later.
      System.gc();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException | RuntimeException | Error e) {
      log.debug("no hand-over is rehearsed in {}: {}", folder, e.toString());
    } finally {
      remove();
      over.countDown();
    }
  }

  /**
   * The JDK's thread for limits of time and that of native memory are everybody's, and made when
   * they are needed first: they are not to be quiet ones.
   */
  private static void makeThreadsOfAll() {
    new CompletableFuture<Void>().completeOnTimeout(null, 1, TimeUnit.NANOSECONDS).join();
    long waits = ThreadWaits.count();
    log.trace("this thread has waited {} times", waits);
  }

  private void play() {
    Stops stops = new Stops();
    @Nullable RehearsalPlay play = null;
    try {
      RehearsalNode one = new RehearsalNode(config, http, 1, folder, stops);
      RehearsalNode two = new RehearsalNode(config, http, 2, folder, stops);
      play = new RehearsalPlay(one, two, stopped, times.play);
      play.run();
    } catch (CancellationException e) {
      log.trace("it is over before its end", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Error e) {
      failure = e;
    } finally {
      if (play != null) {
        handOvers = play.handOvers();
        alone = play.alone();
      }
      stops.run();
    }
  }

  private void remove() {
    if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try {
      Files.walkFileTree(folder, new Removal());
    } catch (NoSuchFileException gone) {
      log.trace("{} is gone", folder, gone);
    } catch (IOException e) {
      log.debug("{} is not removed: {}", folder, e.toString());
    }
  }

  /** Follows no links. */
  private static final class Removal extends SimpleFileVisitor<Path> {
    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
      Files.deleteIfExists(file);
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult postVisitDirectory(Path dir, @Nullable IOException failure)
        throws IOException {
      if (failure != null) {
        throw failure;
      }
      Files.deleteIfExists(dir);
      return FileVisitResult.CONTINUE;
    }
  }
}
