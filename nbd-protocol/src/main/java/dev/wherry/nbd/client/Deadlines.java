package dev.wherry.nbd.client;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The time that commands have: each has as much from its submission on, wherever it waits, and a
 * connection that owes answers and is silent for as long is given up. It looks some times in that
 * period, and only while there is something to wait for. Event loop.
 */
final class Deadlines {
  private static final long SECOND = 1_000_000_000L;
  private static final long LEAST_TICK = 1_000_000;

  private final String place;
  private final Reactor reactor;
  private final Duration limit;
  private final long nanos;
  private final Pool pool;
  private final Consumer<Command> expired;
  private final AgeList age = new AgeList();
  private boolean ticking;

  /**
   * @param expired takes the oldest command, whose time is over, and {@linkplain #remove removes}
   *     it
   */
  Deadlines(String place, Reactor reactor, Duration limit, Pool pool, Consumer<Command> expired) {
    this.place = place;
    this.reactor = reactor;
    this.limit = limit;
    this.nanos = limit.toNanos();
    this.pool = pool;
    this.expired = expired;
  }

  /** A caller waits for a command from now on. */
  void add(Command c) {
    c.deadline = reactor.nanoTime() + nanos;
    age.add(c);
    watch();
  }

  /** The caller has been answered. */
  void remove(Command c) {
    age.remove(c);
  }

  /** The command that a caller has waited for longest, or null. */
  @Nullable Command oldest() {
    return age.oldest();
  }

  /** Something is in flight, perhaps for no caller. */
  void watch() {
    if (!ticking) {
      ticking = true;
      reactor.schedule(this::tick, Math.max(LEAST_TICK, Math.min(SECOND, nanos / 16)));
    }
  }

  private void tick() {
    ticking = false;
    long now = reactor.nanoTime();
    for (Command c = age.oldest(); c != null && c.deadline - now <= 0; c = age.oldest()) {
      expired.accept(c);
    }
    boolean waits = !age.isEmpty();
    if (pool.failSilent(now, nanos, this::silent) || waits) {
      watch();
    }
  }

  private NbdException silent() {
    return new NbdException(NbdError.EIO, place + ": no answer within " + limit.toMillis() + " ms");
  }
}
