package dev.wherry.nbd.client;

import java.util.Comparator;
import java.util.PriorityQueue;

/** A reactor whose clock stands still until the test turns it. All on the test's thread. */
final class SimReactor implements Reactor {
  private record Task(long at, long order, Runnable what) {}

  private final PriorityQueue<Task> tasks =
      new PriorityQueue<>(Comparator.comparingLong(Task::at).thenComparingLong(Task::order));
  private long now;
  private long order;

  @Override
  public long nanoTime() {
    return now;
  }

  @Override
  public boolean inLoop() {
    return true;
  }

  @Override
  public void execute(Runnable task) {
    schedule(task, 0);
  }

  @Override
  public void schedule(Runnable task, long nanos) {
    tasks.add(new Task(now + nanos, order++, task));
  }

  /** Runs the next task, at its time; false if there is none. */
  boolean step() {
    Task next = tasks.poll();
    if (next == null) {
      return false;
    }
    now = Math.max(now, next.at);
    next.what.run();
    return true;
  }

  /** Runs everything that is due until {@code nanos} from now. */
  void advance(long nanos) {
    long until = now + nanos;
    while (!tasks.isEmpty() && tasks.element().at <= until) {
      step();
    }
    now = until;
  }
}
