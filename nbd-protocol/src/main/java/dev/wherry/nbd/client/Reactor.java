package dev.wherry.nbd.client;

import io.netty.channel.EventLoop;
import java.util.concurrent.TimeUnit;

/** The one thread of a client and its clock; an interface so that tests can turn the clock. */
interface Reactor {
  /** A clock that only goes forward, in nanoseconds. Any thread. */
  long nanoTime();

  boolean inLoop();

  /** Runs a task on the thread. Any thread. */
  void execute(Runnable task);

  /** Runs a task on the thread, later. */
  void schedule(Runnable task, long nanos);

  /** The reactor of an event loop. */
  static Reactor of(EventLoop loop) {
    return new Reactor() {
      @Override
      public long nanoTime() {
        return System.nanoTime();
      }

      @Override
      public boolean inLoop() {
        return loop.inEventLoop();
      }

      @Override
      public void execute(Runnable task) {
        loop.execute(task);
      }

      @Override
      public void schedule(Runnable task, long nanos) {
        loop.schedule(task, nanos, TimeUnit.NANOSECONDS);
      }
    };
  }
}
