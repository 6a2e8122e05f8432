package dev.wherry.daemon.volume;

import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tries again and again, ever more seldom, what waiting may cure: a server that is not up yet, a
 * disk that is not there yet. Thread-safe.
 */
final class Retries {
  private static final int THREADS = 4;
  private static final long FIRST_MILLIS = 1000;
  private static final long MOST_MILLIS = 30_000;

  /** One volume that waits. Guarded by the outer object. */
  private static final class Waiting {
    private long pause = FIRST_MILLIS;

    /** Null while it is being tried. */
    private @Nullable Future<?> next;

    /** Woken while it was being tried. */
    private boolean again;
  }

  private static final Logger log = LoggerFactory.getLogger(Retries.class);

  private final Predicate<VolumeEntry> attempt;
  private final Map<VolumeEntry, Waiting> waiting = new HashMap<>();
  private final ScheduledThreadPoolExecutor timer =
      new ScheduledThreadPoolExecutor(THREADS, new DefaultThreadFactory("wherry-retry", true));
  private boolean closed;

  /**
   * @param attempt may block; true when the volume needs no more of them
   */
  Retries(Predicate<VolumeEntry> attempt) {
    this.attempt = attempt;
    timer.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    timer.setKeepAliveTime(60, TimeUnit.SECONDS);
    timer.allowCoreThreadTimeOut(true);
  }

  /** The volume is tried from now on, a second from now for the first time. */
  synchronized void add(VolumeEntry entry) {
    if (!closed && !waiting.containsKey(entry)) {
      Waiting w = new Waiting();
      waiting.put(entry, w);
      schedule(entry, w, w.pause);
    }
  }

  /** Those are tried at once: what they waited for has come. */
  synchronized void wake(Predicate<VolumeEntry> which) {
    waiting.forEach(
        (entry, w) -> {
          if (which.test(entry)) {
            Future<?> next = w.next;
            w.again = next == null;
            if (next != null) {
              next.cancel(false);
              schedule(entry, w, 0);
            }
          }
        });
  }

  /** Begins no more attempts. Those that run end by themselves. */
  synchronized void close() {
    closed = true;
    waiting.clear();
    timer.shutdown();
  }

  private void schedule(VolumeEntry entry, Waiting w, long millis) {
    if (!closed) {
      w.next = timer.schedule(() -> run(entry, w), millis, TimeUnit.MILLISECONDS);
    }
  }

  private void run(VolumeEntry entry, Waiting w) {
    synchronized (this) {
      if (closed) {
        return;
      }
      w.next = null;
    }
    boolean done = false;
    try {
      done = attempt.test(entry);
    } catch (RuntimeException | Error e) {
      log.error("volume {} is tried again later: {}", entry.suid(), e.toString(), e);
    }
    synchronized (this) {
      if (done) {
        waiting.remove(entry);
      } else {
        w.pause = Math.min(MOST_MILLIS, 2 * w.pause);
        schedule(entry, w, w.again ? 0 : w.pause);
        w.again = false;
      }
    }
  }
}
