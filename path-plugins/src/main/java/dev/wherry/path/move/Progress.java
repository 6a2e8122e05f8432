package dev.wherry.path.move;

import java.util.concurrent.atomic.AtomicLong;

/** How much came, how fast, and how long the rest will take. One thread adds, any looks. */
final class Progress {
  private final Hydrator hydrator;
  private final RateMeter meter;
  private final AtomicLong moved = new AtomicLong();

  Progress(Hydrator hydrator, long now) {
    this.hydrator = hydrator;
    this.meter = new RateMeter(now);
  }

  /** So many bytes came. */
  void add(long bytes, long now) {
    moved.addAndGet(bytes);
    meter.add(bytes, now);
  }

  /** The figures of a move that is in a state for a reason. */
  Mover.Status in(String state, String reason, long now) {
    long missing = hydrator.missing();
    long blocks = hydrator.blocks();
    long rate = meter.bytesPerSecond(now);
    double percent = blocks == 0 ? 100 : 100.0 * (blocks - missing) / blocks;
    long eta = missing == 0 ? 0 : rate == 0 ? -1 : missing * hydrator.blockSize() / rate;
    return new Mover.Status(state, reason, percent, rate, eta, moved.get());
  }
}
