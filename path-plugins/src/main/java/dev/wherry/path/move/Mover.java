package dev.wherry.path.move;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Moves all that is missing, in the background.
 *
 * <p>It walks from the start of the volume to its end, and again until nothing is missing ({@link
 * Walk}); keeps the path full but its queue short, and holds back while hosts are being answered,
 * but makes its minimum ({@link Flow}); and after a failure tries again for ever ({@link Setback}).
 *
 * <p>Safe on any thread; never blocks. Its own state belongs to whoever runs {@link Turns}: a
 * thread that comes while another is in there leaves word and goes. So nothing is called with a
 * lock held, and an answer is followed by the next request on the thread that brought it.
 */
public final class Mover {
  /**
   * How a move stands.
   *
   * @param state {@code running}, {@code paused} (reason says why), {@code stalled} (the source
   *     cannot be read now), {@code done}
   * @param reason for people, or empty
   * @param percent of the volume's bytes that are here
   * @param bytesPerSecond brought here, over the last seconds
   * @param etaSeconds until all is here at that speed, or -1
   * @param bytesMoved by this mover
   */
  public record Status(
      String state,
      String reason,
      double percent,
      long bytesPerSecond,
      long etaSeconds,
      long bytesMoved) {}

  /**
   * How fast.
   *
   * @param minimum bytes per second that it makes whatever the hosts do
   * @param limit bytes per second that it never exceeds, or {@link Long#MAX_VALUE}
   */
  public record Pace(long minimum, long limit) {
    /** 20 MB/s at least, no limit. */
    public static final Pace DEFAULT = new Pace(20_000_000, Long.MAX_VALUE);

    public Pace {
      if (minimum < 0 || limit < 1) {
        throw new IllegalArgumentException(
            "pace: minimum " + minimum + " must be 0 or more, limit " + limit + " 1 or more");
      }
    }
  }

  private static final long SILENT_NANOS = 10_000_000_000L;

  /** Requests sent in one go, and goes, before other work of the thread gets its turn. */
  private static final int MOST_AT_ONCE = 64;

  private final Hydrator hydrator;
  private final LongSupplier clock;
  private final Progress progress;
  private final Turns turns;
  private final Alarm alarm;
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();
  private final Setback setback = new Setback();
  private final Orders orders = new Orders();
  private final OnWay onWay;
  private volatile Pace pace;
  private volatile boolean active;

  // ---- the loop's own
  private final Walk walk;
  private final Laps laps = new Laps();
  private final Flow flow;
  private final Settling settling;
  private @Nullable Errand lastSettle;
  private long rewindTo = Long.MAX_VALUE;

  /**
   * @param hydrator what is moved
   * @param foreground counts the hosts' requests of this volume that were answered so far: while it
   *     grows, the move yields
   * @param timer for waiting; also runs the move's steps
   * @param nanoClock as {@link System#nanoTime}
   */
  public Mover(
      Hydrator hydrator,
      LongSupplier foreground,
      ScheduledExecutorService timer,
      LongSupplier nanoClock,
      Pace pace) {
    this.hydrator = hydrator;
    turns = new Turns(this::turn, timer, this::failed);
    alarm = new Alarm(timer, turns::call, this::closing);
    this.clock = nanoClock;
    this.pace = pace;
    long now = nanoClock.getAsLong();
    progress = new Progress(hydrator, now);
    onWay = new OnWay(hydrator, nanoClock, turns::call, now);
    walk = new Walk(hydrator);
    flow = new Flow(hydrator::roundTripNanos, foreground, pace, now);
    settling = new Settling(now);
  }

  /** Begins, or looks again for what is missing; what has failed is tried again at once. */
  public void start() {
    orders.start();
    turns.call();
  }

  public void pace(Pace value) {
    pace = value;
    turns.call();
  }

  public Status status() {
    long now = clock.getAsLong();
    Setback.Shown shown = setback.shown();
    String state = "running";
    String reason = "";
    long silent = onWay.silentNanos(now);
    if (orders.stopping()) {
      state = "paused";
      reason = "stopped";
    } else if (orders.done()) {
      state = "done";
    } else if (shown != null) {
      state = shown.state();
      reason = shown.reason();
    } else if (!active) {
      state = "paused";
      reason = "not started";
    } else if (silent > SILENT_NANOS) {
      state = "stalled";
      reason = "no answer for " + silent / 1_000_000_000 + " s";
    }
    return progress.in(state, reason, now);
  }

  /** Done when all has been moved and settled; fails when it is stopped before that. */
  public CompletableFuture<Void> finished() {
    return orders.finished();
  }

  /**
   * Ends it. Done when nothing of it is in flight any more: what is, is waited for, as long as the
   * {@link Hydrator} lets it take.
   */
  public CompletableFuture<Void> stop() {
    orders.stop();
    turns.call();
    return stopped.copy();
  }

  /** Somebody whom it asked threw something. */
  private void failed(RuntimeException e) {
    long now = clock.getAsLong();
    setback.failed(Errand.Kind.DATA, e, now);
    alarm.set(now, setback.retryAt());
  }

  /** The timer takes nothing any more: the program ends. */
  private void closing() {
    orders.stop();
    turns.call();
  }

  private void turn() {
    long now = clock.getAsLong();
    alarm.heard();
    for (Errand e = onWay.next(now); e != null; e = onWay.next(now)) {
      took(e, now);
    }
    if (orders.stopping()) {
      end();
      return;
    }
    if (orders.taken()) {
      active = true;
      walk.lookAgain();
      laps.goOn();
      setback.tryNow(now);
    }
    if (!active) {
      return;
    }
    flow.update(pace, now);
    if (laps.pausing(now)) {
      alarm.set(now, laps.until());
      return;
    }
    if (setback.present()) {
      probe(now);
    } else {
      int sent = 0;
      while (sent < MOST_AT_ONCE && active && sendNext(now, false)) {
        sent++;
      }
      if (sent == MOST_AT_ONCE) {
        turns.call();
      }
    }
  }

  /** After a failure: waits until all is back, then sends one thing at a time. */
  private void probe(long now) {
    if (onWay.count() > 0) {
      return;
    }
    if (now - setback.retryAt() < 0) {
      alarm.set(now, setback.retryAt());
      return;
    }
    walk.rewind(rewindTo);
    rewindTo = Long.MAX_VALUE;
    while (onWay.count() == 0 && active && !laps.pausing(now) && sendNext(now, true)) {
      // a lap may have to end first
    }
  }

  /** Sends what is due; false if there is nothing to be done now. */
  private boolean sendNext(long now, boolean probe) {
    Errand e = walk.nextZeroes();
    if (e == null) {
      e = walk.nextQuestion();
    }
    if (e == null && settling.due(now)) {
      e = settling.begin();
    }
    if (e == null && mayFetch(now, probe)) {
      e = walk.nextData(probe ? 1 : flow.pieceBytes());
      if (e == null) {
        e = walk.nextQuestion(); // the data ahead came otherwise
      }
      if (e == null) {
        flow.starved();
        return endLap(now);
      }
    }
    if (e == null) {
      return false;
    }
    e.probe = probe;
    send(e, now);
    return true;
  }

  private boolean mayFetch(long now, boolean probe) {
    long wait = flow.delay(onWay.count(), probe, now);
    if (wait > 0 && wait != Flow.UNTIL_ANSWERED) {
      alarm.set(now, now + wait);
    }
    return wait == 0;
  }

  /** All that is known was sent: true if there is something else to do at once. */
  private boolean endLap(long now) {
    if (onWay.count() > 0 || !walk.atEnd()) {
      return false;
    }
    if (hydrator.nextMissing(0) >= hydrator.blocks()) {
      Errand e = settling.begin();
      e.probe = setback.present();
      lastSettle = e;
      send(e, now);
      return false;
    }
    walk.restart();
    if (laps.next(now)) {
      return true;
    }
    alarm.set(now, laps.until());
    return false;
  }

  private void send(Errand e, long now) {
    if (e.kind == Errand.Kind.DATA) {
      flow.sent(e, now);
    }
    onWay.send(e, now);
  }

  /** Takes in how an errand ended. */
  private void took(Errand e, long now) {
    Throwable failure = e.failure;
    switch (e.kind) {
      case DATA -> tookData(e, now);
      case ZERO -> {
        walk.zeroesNoted(e);
        if (failure == null) {
          laps.moved();
          settling.add(1);
        }
      }
      case EXTENTS -> {
        if (failure == null) {
          walk.answered(e);
        } else if (NbdException.errorOf(failure) == NbdError.ENOTSUP) {
          walk.unanswerable(e);
          failure = null;
        } else {
          walk.questionFailed();
        }
      }
      case SETTLE -> {
        settling.ended(failure == null, now);
        if (failure == null && e == lastSettle) {
          finish();
        }
      }
    }
    if (failure == null) {
      if (e.probe) {
        setback.worked(e.kind);
      }
    } else if (e.probe || !setback.present()) {
      setback.failed(e.kind, failure, now);
    }
  }

  private void tookData(Errand e, long now) {
    flow.ended(e);
    if (e.failure != null) {
      if (!e.probe) { // else others get a try first; this one comes again with the next lap
        rewindTo = Math.min(rewindTo, e.from);
      }
      return;
    }
    if (e.fetched > 0) {
      progress.add(e.fetched, now);
      settling.add(e.fetched);
    }
    if (e.fetched > 0 || hydrator.nextMissing(e.from) >= e.end) {
      laps.moved();
    }
  }

  private void finish() {
    lastSettle = null;
    if (hydrator.nextMissing(0) < hydrator.blocks()) {
      return;
    }
    CompletableFuture<Void> all = orders.fulfil();
    if (all == null) {
      return;
    }
    active = false;
    setback.clear();
    walk.restart();
    all.complete(null);
  }

  private void end() {
    active = false;
    alarm.cancel();
    if (onWay.count() > 0) {
      return;
    }
    orders.cancelled();
    stopped.complete(null);
  }
}
