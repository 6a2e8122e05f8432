package dev.wherry.daemon;

import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The pools of threads that may block. All are bounded, and idle threads go. */
final class Pools {
  /** How many requests may wait for files at once: those of eight volumes whose disks hang. */
  private static final int WORKERS = 256;

  private static final int CONTROL = 4;
  private static final int READS = 2;
  private static final int OPENERS = 8;
  private static final int WAITING_REQUESTS = 256;
  private static final int WAITING_SCRAPES = 4;

  private Pools() {}

  /**
   * For I/O. The queue is as long as there are requests in flight, which the server bounds. There
   * are as many threads as there was work at once, and not one for each of the first requests: a
   * thread has caches of its own, and hosts wait while many are made.
   */
  static ThreadPoolExecutor workers() {
    IdleFirst queue = new IdleFirst();
    return new ThreadPoolExecutor(
        0,
        WORKERS,
        30,
        TimeUnit.SECONDS,
        queue,
        new DefaultThreadFactory("wherry-io", true),
        queue::enqueue);
  }

  /** For what only looks, and waits for nothing. */
  static ThreadPoolExecutor reads() {
    return pool("wherry-read", READS, WAITING_REQUESTS);
  }

  /** For the metrics: one scrape at a time, since each takes memory. */
  static ThreadPoolExecutor metrics() {
    return pool("wherry-metrics", 1, WAITING_SCRAPES);
  }

  /** For what REST changes. Refuses when too much waits. */
  static ThreadPoolExecutor control() {
    return pool("wherry-control", CONTROL, WAITING_REQUESTS);
  }

  /**
   * For what other nodes ask that takes long, and for the work behind. REST waits for the other
   * node's; if these were the same threads, two nodes could wait for each other.
   */
  static ThreadPoolExecutor peers() {
    return pool("wherry-peer", CONTROL, WAITING_REQUESTS);
  }

  /** For opening the volumes at start: an NBD server that is away holds up few others. */
  static ThreadPoolExecutor openers() {
    return pool("wherry-open", OPENERS, Integer.MAX_VALUE);
  }

  private static ThreadPoolExecutor pool(String name, int threads, int waiting) {
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            threads,
            threads,
            30,
            TimeUnit.SECONDS,
            waiting == Integer.MAX_VALUE
                ? new LinkedBlockingQueue<>()
                : new ArrayBlockingQueue<>(waiting),
            new DefaultThreadFactory(name, true));
    pool.allowCoreThreadTimeOut(true);
    return pool;
  }
}
