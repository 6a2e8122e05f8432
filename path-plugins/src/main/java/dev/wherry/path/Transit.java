package dev.wherry.path;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The states of a volume and what happens between them.
 *
 * <p>The gate is open exactly while the state is ONLINE; both change under the lock. Requests take
 * the lock only when they found the gate shut. Nothing foreign (a handler, a listener, a future's
 * dependents) is called under the lock.
 *
 * <p>While a resume lets held requests go, the state is still SUSPENDED but there is no {@link
 * Suspension} any more; the releasing thread goes on only while {@link #change} is the one that it
 * started with.
 */
final class Transit {
  private static final Logger LOG = LoggerFactory.getLogger(Volume.class);

  private record Held<T>(Request<T> request, CompletableFuture<T> result) {}

  private static final class Suspension {
    final long since;
    final CompletableFuture<Void> result = new CompletableFuture<>();
    boolean drained;

    Suspension(long since) {
      this.since = since;
    }
  }

  private final String name;
  private final Gate gate;
  private final LongSupplier clock;
  private final List<SuspendListener> listeners = new CopyOnWriteArrayList<>();

  private final Object lock = new Object();
  private final Queue<Held<?>> held = new ArrayDeque<>();
  private volatile VolumeState state = VolumeState.ONLINE;
  private volatile PathHandler handler;
  private volatile @Nullable NbdException failure;
  private @Nullable Suspension suspension;
  private CompletableFuture<Void> idle = CompletableFuture.completedFuture(null);
  private @Nullable CompletableFuture<Void> closing;
  private long change;

  Transit(String name, PathHandler handler, Gate gate, LongSupplier clock) {
    this.name = name;
    this.handler = handler;
    this.gate = gate;
    this.clock = clock;
  }

  VolumeState state() {
    return state;
  }

  PathHandler handler() {
    return handler;
  }

  @Nullable Throwable failure() {
    return failure;
  }

  List<SuspendListener> listeners() {
    return listeners;
  }

  int heldCount() {
    synchronized (lock) {
      return held.size();
    }
  }

  // ------------------------------------------------------------------ requests

  /** Makes a request for which the gate was entered. */
  <T> CompletableFuture<T> start(Request<T> request) {
    PathHandler now = handler;
    // It was validated against the size that the connection was told; the volume may be shorter by
    // now, and stays so until this request has left.
    NbdException misfit = request.misfit(now.info().size());
    CompletableFuture<T> done =
        misfit == null ? request.on(now) : CompletableFuture.failedFuture(misfit);
    if (!request.durable() && done.isDone() && !done.isCompletedExceptionally()) {
      leave();
      return done;
    }
    CompletableFuture<T> result = new CompletableFuture<>();
    done.whenComplete((v, t) -> end(request, v, t, result));
    return result;
  }

  /** Makes a request that found the gate shut, now or later. */
  <T> CompletableFuture<T> startOrHold(Request<T> request) {
    NbdException refusal;
    synchronized (lock) {
      if (state == VolumeState.SUSPENDED) {
        Held<T> waiting = new Held<>(request, new CompletableFuture<>());
        held.add(waiting);
        return waiting.result;
      }
      refusal = failure;
      if (refusal == null) {
        // It was opened meanwhile.
        gate.enterRegardless();
      }
    }
    return refusal == null ? start(request) : CompletableFuture.failedFuture(refusal);
  }

  private <T> void end(
      Request<T> request,
      @Nullable T value,
      @Nullable Throwable thrown,
      CompletableFuture<T> result) {
    Throwable outcome = thrown;
    if (outcome != null && request.isFatal(outcome)) {
      fail(Futures.causeOf(outcome));
    } else if (outcome == null && request.durable()) {
      // Another flush, that ran at the same time, may have been told of the loss in our stead.
      outcome = failure;
    }
    leave();
    Futures.pass(value, outcome, result);
  }

  void leave() {
    if (gate.leave()) {
      CompletableFuture<Void> done;
      synchronized (lock) {
        done = idle;
        if (state == VolumeState.ONLINE || gate.inside() != 0) {
          return;
        }
      }
      done.complete(null);
    }
  }

  // ------------------------------------------------------------------ suspend, swap, resume

  CompletableFuture<Void> suspend() {
    Suspension s = shutForSuspension();
    return s == null ? notOnline() : s.result;
  }

  CompletableFuture<Void> suspend(Duration limit, ScheduledExecutorService scheduler) {
    Suspension s = shutForSuspension();
    if (s == null) {
      return notOnline();
    }
    if (!s.result.isDone()) {
      ScheduledFuture<?> timer =
          scheduler.schedule(() -> expire(s, limit), limit.toNanos(), TimeUnit.NANOSECONDS);
      s.result.whenComplete((v, t) -> timer.cancel(false));
    }
    return s.result;
  }

  private CompletableFuture<Void> notOnline() {
    return CompletableFuture.failedFuture(
        new IllegalStateException(name + " is " + state.label() + ": it cannot be suspended"));
  }

  private @Nullable Suspension shutForSuspension() {
    Suspension s;
    List<CompletableFuture<Void>> awaited = new ArrayList<>();
    boolean empty;
    synchronized (lock) {
      if (!state.permits(VolumeState.SUSPENDED)) {
        return null;
      }
      s = new Suspension(clock.getAsLong());
      suspension = s;
      empty = shut(VolumeState.SUSPENDED);
      awaited.add(idle);
    }
    if (empty) {
      awaited.get(0).complete(null);
    }
    awaited.addAll(askListeners());
    CompletableFuture.allOf(awaited.toArray(CompletableFuture<?>[]::new))
        .whenComplete((v, t) -> settle(s, t));
    return s;
  }

  List<CompletableFuture<Void>> askListeners() {
    return listeners.stream().map(Transit::ask).toList();
  }

  private static CompletableFuture<Void> ask(SuspendListener listener) {
    try {
      return listener.suspending();
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private void settle(Suspension s, @Nullable Throwable thrown) {
    if (thrown != null) {
      Throwable cause = Futures.causeOf(thrown);
      giveUp(s, new IllegalStateException(name + " could not be suspended: " + cause, cause));
      return;
    }
    synchronized (lock) {
      if (suspension != s) {
        return;
      }
      s.drained = true;
    }
    s.result.complete(null);
  }

  private void expire(Suspension s, Duration limit) {
    long inside = gate.inside();
    giveUp(
        s,
        new IllegalStateException(
            name
                + " could not be suspended within "
                + limit.toMillis()
                + " ms: "
                + (inside == 0 ? "a connection did not let go" : "requests in flight: " + inside)));
  }

  private void giveUp(Suspension s, IllegalStateException why) {
    long mine;
    synchronized (lock) {
      if (suspension != s || s.drained) {
        return;
      }
      suspension = null;
      mine = ++change;
    }
    LOG.warn("{}", why.getMessage());
    release(mine);
    s.result.completeExceptionally(why);
  }

  PathHandler swap(PathHandler next) {
    synchronized (lock) {
      Suspension s = suspension;
      if (s == null || !s.drained) {
        throw new IllegalStateException(
            name
                + (s == null ? " is " + state.label() : " has requests in flight")
                + ": its handler cannot be replaced");
      }
      PathHandler old = handler;
      handler = next;
      return old;
    }
  }

  long resume() {
    Suspension s;
    long mine;
    synchronized (lock) {
      s = suspension;
      if (s == null) {
        throw new IllegalStateException(name + " is not suspended");
      }
      suspension = null;
      mine = ++change;
    }
    s.result.completeExceptionally(
        new IllegalStateException(name + " was resumed before its requests had ended"));
    return release(mine) - s.since;
  }

  /**
   * Starts what is held, in order, then opens the gate. What comes while that goes on is started
   * last, beside what finds the gate open: otherwise a busy host could keep this thread for ever.
   *
   * @return the time when the gate opened
   */
  private long release(long mine) {
    int before = heldCount();
    for (int i = 0; i < before; i++) {
      Held<?> next;
      synchronized (lock) {
        next = change == mine ? held.poll() : null;
        if (next == null) {
          break;
        }
        gate.enterRegardless();
      }
      startHeld(next);
    }
    List<Held<?>> late = new ArrayList<>();
    long now;
    synchronized (lock) {
      now = clock.getAsLong();
      if (change == mine) {
        change++;
        state = VolumeState.ONLINE;
        late.addAll(held);
        held.clear();
        late.forEach(h -> gate.enterRegardless());
        gate.open();
      }
    }
    late.forEach(this::startHeld);
    return now;
  }

  private <T> void startHeld(Held<T> waiting) {
    Request<T> request = waiting.request;
    NbdException misfit = request.misfit(handler.info().size());
    if (misfit != null) {
      leave();
      waiting.result.completeExceptionally(misfit);
    } else if (waiting.result.isDone()) {
      // The caller gave it up while it was held.
      leave();
    } else {
      request.on(handler).whenComplete((v, t) -> end(request, v, t, waiting.result));
    }
  }

  // ------------------------------------------------------------------ fail, reopen, close

  void fail(Throwable cause) {
    if (stop(VolumeState.FAILED, name + " failed: " + cause.getMessage(), cause)) {
      LOG.error("{} failed; every request gets EIO until it is reopened", name, cause);
    }
  }

  CompletableFuture<Void> close() {
    stop(VolumeState.CLOSED, name + " is closed", null);
    CompletableFuture<Void> result;
    CompletableFuture<Void> quiet;
    synchronized (lock) {
      if (closing != null) {
        return closing;
      }
      result = new CompletableFuture<>();
      closing = result;
      quiet = idle;
    }
    letGoAfter(quiet)
        .thenCompose(v -> handler.close())
        .whenComplete((v, t) -> Futures.pass(null, t, result));
    return result;
  }

  /** Lets no request through any more. False if the volume cannot go to that state. */
  private boolean stop(VolumeState next, String message, @Nullable Throwable cause) {
    NbdException why = new NbdException(NbdError.EIO, message, cause);
    List<Held<?>> dropped;
    Suspension s;
    CompletableFuture<Void> done;
    boolean empty;
    synchronized (lock) {
      if (!state.permits(next)) {
        return false;
      }
      failure = why;
      s = suspension;
      suspension = null;
      dropped = List.copyOf(held);
      held.clear();
      empty = shut(next);
      done = idle;
    }
    dropped.forEach(h -> h.result.completeExceptionally(why));
    if (s != null) {
      s.result.completeExceptionally(new IllegalStateException(message, cause));
    }
    if (empty) {
      done.complete(null);
    }
    return true;
  }

  /**
   * Under the lock: shuts the gate; true if nobody is inside, and {@link #idle} to be completed.
   */
  private boolean shut(VolumeState next) {
    change++;
    state = next;
    gate.shut();
    // Always a new one: the old one may be about to be completed by a request that left before.
    CompletableFuture<Void> before = idle;
    idle = new CompletableFuture<>();
    if (!before.isDone()) {
      idle.thenRun(() -> before.complete(null));
    }
    return gate.inside() == 0;
  }

  CompletableFuture<Void> drained() {
    CompletableFuture<Void> quiet;
    synchronized (lock) {
      if (state != VolumeState.FAILED && state != VolumeState.CLOSED) {
        return CompletableFuture.failedFuture(
            new IllegalStateException(name + " is " + state.label() + ": it has not failed"));
      }
      quiet = idle;
    }
    return letGoAfter(quiet);
  }

  /**
   * Of a volume that is failed or closed: done when no request is at the handler and connections
   * have let go of it, or have failed to, which only they can mend.
   */
  private CompletableFuture<Void> letGoAfter(CompletableFuture<Void> quiet) {
    return quiet.thenCompose(v -> Answers.join(askListeners()).exceptionally(t -> null));
  }

  CompletableFuture<PathHandler> reopen(PathHandler next) {
    CompletableFuture<Void> quiet;
    synchronized (lock) {
      quiet = state == VolumeState.FAILED ? idle : Answers.done();
    }
    return letGoAfter(quiet).thenApply(v -> replaceFailed(next));
  }

  private PathHandler replaceFailed(PathHandler next) {
    synchronized (lock) {
      if (state != VolumeState.FAILED) {
        throw new IllegalStateException(
            name + " is " + state.label() + ": only a failed volume is reopened");
      }
      PathHandler old = handler;
      handler = next;
      failure = null;
      change++;
      state = VolumeState.ONLINE;
      gate.open();
      return old;
    }
  }
}
