package dev.wherry.path.link;

import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import java.time.Duration;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The event loop that something runs on which moves between them, now and then: what it is given
 * finds it wherever it is by then. Any thread, but for {@link #moveTo}, which belongs to what runs
 * there.
 */
final class Home {
  private volatile EventLoop loop;
  private final ConcurrentLinkedQueue<Runnable> gathered = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean posted = new AtomicBoolean();

  Home(EventLoop first) {
    this.loop = first;
  }

  /** Whether the caller is there. */
  boolean isHere() {
    return loop.inEventLoop();
  }

  /** Runs it there; at once if the caller is there. */
  void run(Runnable action) {
    EventLoop l = loop;
    if (l.inEventLoop()) {
      action.run();
    } else {
      l.execute(() -> run(action));
    }
  }

  /** Runs it there soon, with what others leave meanwhile: the event loop is woken once for all. */
  void leave(Runnable action) {
    gathered.add(action);
    if (!posted.getAndSet(true)) {
      loop.execute(() -> run(this::drain));
    }
  }

  private void drain() {
    posted.set(false);
    for (Runnable r = gathered.poll(); r != null; r = gathered.poll()) {
      r.run();
    }
  }

  /** Runs it there after a while. */
  ScheduledFuture<?> later(Runnable action, Duration delay) {
    return loop.schedule(() -> run(action), delay.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** From now on it is that one; the action runs there, at once if the caller is there. */
  void moveTo(EventLoop to, Runnable action) {
    loop = to;
    if (to.inEventLoop()) {
      action.run();
    } else {
      to.execute(() -> run(action));
    }
  }
}
