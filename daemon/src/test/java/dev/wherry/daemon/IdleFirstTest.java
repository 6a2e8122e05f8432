package dev.wherry.daemon;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The pool of threads for I/O. */
final class IdleFirstTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final IdleFirst queue = new IdleFirst();
  private final ThreadPoolExecutor pool =
      new ThreadPoolExecutor(0, 3, 60, TimeUnit.SECONDS, queue, queue::enqueue);
  private final CountDownLatch held = new CountDownLatch(1);
  private final AtomicInteger ran = new AtomicInteger();

  @AfterEach
  void end() throws InterruptedException {
    held.countDown();
    pool.shutdown();
    assertTrue(pool.awaitTermination(LIMIT.toSeconds(), TimeUnit.SECONDS));
  }

  private void hold() {
    try {
      held.await();
      ran.incrementAndGet();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void aThreadThatIsIdleIsUsedBeforeANewOneIsMade() {
    for (int i = 1; i <= 20; i++) {
      int number = i;
      pool.execute(ran::incrementAndGet);
      await().atMost(LIMIT).until(() -> ran.get() == number && queue.hasWaitingConsumer());
    }
    assertEquals(1, pool.getLargestPoolSize());
  }

  @Test
  void whatComesAtOnceRunsAtOnceAndTheRestLater() {
    for (int i = 0; i < 10; i++) {
      pool.execute(this::hold);
    }
    assertEquals(3, pool.getPoolSize());
    assertEquals(7, queue.size());
    held.countDown();
    await().atMost(LIMIT).until(() -> ran.get() == 10);
    assertEquals(3, pool.getLargestPoolSize());
  }

  @Test
  void nothingIsTakenAfterTheShutdownAndWhatWasTakenIsDone() {
    for (int i = 0; i < 5; i++) {
      pool.execute(this::hold);
    }
    pool.shutdown();
    assertThrows(RejectedExecutionException.class, () -> pool.execute(this::hold));
    held.countDown();
    await().atMost(LIMIT).until(() -> ran.get() == 5);
  }
}
