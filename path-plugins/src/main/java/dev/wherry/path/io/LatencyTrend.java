package dev.wherry.path.io;

/** A moving average of latencies in nanoseconds, the latest weighing an eighth. */
final class LatencyTrend {
  private volatile long average;

  /** 0 before the first. */
  long average() {
    return average;
  }

  /** Any thread; a race loses a sample. */
  void add(long nanos) {
    long old = average;
    average = old == 0 ? nanos : old + (nanos - old) / 8;
  }
}
