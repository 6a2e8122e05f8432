package dev.wherry.path.move;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.Priority;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Moves all that is missing, in the background.
 *
 * <p>It walks from the start of the volume to its end, and again until nothing is missing ({@link
 * Walk}); keeps the path full but its queue short ({@link DelayWindow}); holds back while hosts are
 * being answered, but makes its minimum ({@link Pacing}); and after a failure tries again for ever
 * ({@link Setback}).
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
  private static final long FIRST_PAUSE_NANOS = 20_000_000;
  private static final long MOST_PAUSE_NANOS = 1_000_000_000;
  private static final int MOST_ON_WAY = 1024;
  private static final int MOST_ZEROES_ON_WAY = 4;

  /** Requests sent in one go, and goes, before other work of the thread gets its turn. */
  private static final int MOST_AT_ONCE = 64;

  private final Hydrator hydrator;
  private final LongSupplier clock;
  private final RateMeter meter;
  private final Turns turns;
  private final Alarm alarm;
  private final Queue<Errand> answers = new ConcurrentLinkedQueue<>();
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();
  private final Setback setback = new Setback();

  // ---- said by callers
  private final Object asked = new Object();
  private long starts;
  private CompletableFuture<Void> finished = new CompletableFuture<>();
  private volatile boolean stopping;
  private volatile Pace pace;

  // ---- read by status()
  private volatile boolean active;
  private volatile boolean done;
  private final AtomicInteger onWay = new AtomicInteger();
  private volatile long heardAt;
  private final AtomicLong moved = new AtomicLong();

  // ---- the loop's own
  private final Walk walk;
  private final DelayWindow window;
  private final PieceSize pieceSize = new PieceSize();
  private final Pacing pacing;
  private final Hosts hosts;
  private long seenStarts;
  private long bytesOnWay;
  private int zeroesOnWay;
  private final Settling settling;
  private @Nullable Errand lastSettle;
  private boolean heldBack;
  private boolean lapMoved;
  private long pause = FIRST_PAUSE_NANOS;
  private long pausedUntil;
  private boolean pausing;
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
    meter = new RateMeter(now);
    walk = new Walk(hydrator);
    window = new DelayWindow(hydrator::roundTripNanos, now);
    pacing = new Pacing(pace, now);
    hosts = new Hosts(foreground);
    heardAt = now;
    settling = new Settling(now);
  }

  /** Begins, or looks again for what is missing; what has failed is tried again at once. */
  public void start() {
    synchronized (asked) {
      starts++;
      if (done && !stopping) {
        done = false;
        finished = new CompletableFuture<>();
      }
    }
    turns.call();
  }

  public void pace(Pace value) {
    pace = value;
    turns.call();
  }

  public Status status() {
    long now = clock.getAsLong();
    long missing = hydrator.missing();
    long blocks = hydrator.blocks();
    long rate = meter.bytesPerSecond(now);
    Setback.Shown shown = setback.shown();
    String state = "running";
    String reason = "";
    if (stopping) {
      state = "paused";
      reason = "stopped";
    } else if (done) {
      state = "done";
    } else if (shown != null) {
      state = shown.state();
      reason = shown.reason();
    } else if (!active) {
      state = "paused";
      reason = "not started";
    } else if (onWay.get() > 0 && now - heardAt > SILENT_NANOS) {
      state = "stalled";
      reason = "no answer for " + (now - heardAt) / 1_000_000_000 + " s";
    }
    double percent = blocks == 0 ? 100 : 100.0 * (blocks - missing) / blocks;
    long eta = missing == 0 ? 0 : rate == 0 ? -1 : missing * hydrator.blockSize() / rate;
    return new Status(state, reason, percent, rate, eta, moved.get());
  }

  /** Done when all has been moved and settled; fails when it is stopped before that. */
  public CompletableFuture<Void> finished() {
    synchronized (asked) {
      return finished.copy();
    }
  }

  /**
   * Ends it. Done when nothing of it is in flight any more: what is, is waited for, as long as the
   * {@link Hydrator} lets it take.
   */
  public CompletableFuture<Void> stop() {
    synchronized (asked) {
      stopping = true;
    }
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
    stopping = true;
    turns.call();
  }

  private void turn() {
    long now = clock.getAsLong();
    alarm.heard();
    for (Errand e = answers.poll(); e != null; e = answers.poll()) {
      onWay.decrementAndGet();
      heardAt = now;
      took(e, now);
    }
    if (stopping) {
      end();
      return;
    }
    boolean again;
    synchronized (asked) {
      again = seenStarts != starts;
      seenStarts = starts;
    }
    if (again) {
      active = true;
      pausing = false;
      pause = FIRST_PAUSE_NANOS;
      setback.tryNow(now);
    }
    if (!active) {
      return;
    }
    pacing.set(pace, now);
    pacing.update(hosts.busy(now), window.bytesPerSecond(), now);
    if (pausing) {
      if (now - pausedUntil < 0) {
        alarm.set(now, pausedUntil);
        return;
      }
      pausing = false;
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
    if (onWay.get() > 0) {
      return;
    }
    if (now - setback.retryAt() < 0) {
      alarm.set(now, setback.retryAt());
      return;
    }
    walk.rewind(rewindTo);
    rewindTo = Long.MAX_VALUE;
    while (onWay.get() == 0 && active && !pausing && sendNext(now, true)) {
      // a lap may have to end first
    }
  }

  /** Sends what is due; false if there is nothing to be done now. */
  private boolean sendNext(long now, boolean probe) {
    Errand e = zeroesOnWay < MOST_ZEROES_ON_WAY ? walk.nextZeroes() : null;
    if (e == null) {
      e = walk.nextQuestion();
    }
    if (e == null && settling.due(now)) {
      e = settling.begin();
    }
    if (e == null && mayFetch(now, probe)) {
      e = walk.nextData(probe ? 1 : pieceBytes());
      if (e == null) {
        e = walk.nextQuestion(); // the data ahead came otherwise
      }
      if (e == null) {
        heldBack = true;
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
    if (pieceSize.update(window.bytesPerSecond())) {
      window.sizeChanged(now);
    }
    if (!probe && bytesOnWay > 0) {
      long most = window.size(pacing.yields() ? pacing.minimum() : 0);
      if (bytesOnWay + Math.min(pieceBytes(), most) > most || onWay.get() >= MOST_ON_WAY) {
        window.full();
        heldBack = false;
        return false;
      }
    }
    long held = pacing.delay(now);
    long wait = Math.max(held, window.delay(now));
    if (wait > 0) {
      if (held > 0) {
        heldBack = true;
      } else {
        window.full();
      }
      alarm.set(now, now + wait);
      return false;
    }
    return true;
  }

  private long pieceBytes() {
    long bytes = Math.min(pieceSize.bytes(), pacing.mostBytes());
    return pacing.yields() ? Math.min(bytes, PieceSize.POLITE) : bytes;
  }

  /** All that is known was sent: true if there is something else to do at once. */
  private boolean endLap(long now) {
    if (onWay.get() > 0 || !walk.atEnd()) {
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
    if (!lapMoved) {
      pausing = true;
      pausedUntil = now + pause;
      pause = Math.min(2 * pause, MOST_PAUSE_NANOS);
      alarm.set(now, pausedUntil);
      return false;
    }
    pause = FIRST_PAUSE_NANOS;
    lapMoved = false;
    return true;
  }

  private void send(Errand e, long now) {
    if (onWay.incrementAndGet() == 1) {
      heardAt = now;
    }
    switch (e.kind) {
      case DATA -> {
        e.paced = heldBack;
        window.sent(e, bytesOnWay == 0, now);
        bytesOnWay += e.size;
        pacing.sent(e.size, now);
        ask(e, () -> hydrator.hydrate(e.from, e.end, Priority.BACKGROUND), n -> e.fetched = n);
      }
      case ZERO -> {
        zeroesOnWay++;
        ask(e, () -> hydrator.hydrateZero(e.from, e.end), none -> {});
      }
      case EXTENTS -> ask(e, () -> hydrator.extents(e.from, e.end), x -> e.extents = x);
      case SETTLE -> ask(e, hydrator::settle, none -> {});
    }
  }

  private <T> void ask(Errand e, Supplier<CompletableFuture<T>> request, Consumer<T> keep) {
    CompletableFuture<T> answer;
    try {
      answer = request.get();
    } catch (RuntimeException failure) {
      answer = CompletableFuture.failedFuture(failure);
    }
    var unused =
        answer.whenComplete(
            (value, failure) -> {
              e.doneAt = clock.getAsLong();
              if (failure == null) {
                keep.accept(value);
              } else {
                e.failure = failure;
              }
              answers.add(e);
              turns.call();
            });
  }

  /** Takes in how an errand ended. */
  private void took(Errand e, long now) {
    Throwable failure = e.failure;
    switch (e.kind) {
      case DATA -> tookData(e, now);
      case ZERO -> {
        zeroesOnWay--;
        walk.zeroesNoted(e);
        if (failure == null) {
          lapMoved = true;
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
    bytesOnWay -= e.size;
    if (e.failure != null) {
      window.lost();
      if (!e.probe) { // else others get a try first; this one comes again with the next lap
        rewindTo = Math.min(rewindTo, e.from);
      }
      return;
    }
    if (2 * e.fetched >= e.size) {
      window.came(e);
    }
    if (e.fetched > 0) {
      moved.addAndGet(e.fetched);
      meter.add(e.fetched, now);
      settling.add(e.fetched);
    }
    if (e.fetched > 0 || hydrator.nextMissing(e.from) >= e.end) {
      lapMoved = true;
    }
  }

  private void finish() {
    lastSettle = null;
    if (hydrator.nextMissing(0) < hydrator.blocks()) {
      return;
    }
    CompletableFuture<Void> all;
    synchronized (asked) {
      if (seenStarts != starts || stopping) {
        return;
      }
      done = true;
      all = finished;
    }
    active = false;
    setback.clear();
    walk.restart();
    all.complete(null);
  }

  private void end() {
    active = false;
    alarm.cancel();
    if (onWay.get() > 0) {
      return;
    }
    CompletableFuture<Void> all;
    synchronized (asked) {
      all = finished;
    }
    all.completeExceptionally(new CancellationException("the move was stopped"));
    stopped.complete(null);
  }
}
