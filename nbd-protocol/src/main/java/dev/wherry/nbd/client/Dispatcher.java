package dev.wherry.nbd.client;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.nbd.Wire;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The rules of {@link NbdClient}: which request may be sent when, what is kept, what happens when a
 * connection is lost. The essay is there. One thread, the reactor's; only {@link #submit}, {@link
 * #start} and {@link #close} may be called on others.
 *
 * <pre>
 *            dial                replay done              a link lost           drained
 *   AWAY ───────────▶ OPENING ───────────────▶ ONLINE ───────────────▶ DRAINING ────────▶ AWAY
 *    ▲                   │ failed                │
 *    └───────────────────┘                      └──▶ FAILED (a flush or replay was refused)
 * </pre>
 *
 * A command is with the {@link Admission}, in flight on a link, or in {@link #resend}: its link was
 * lost.
 */
final class Dispatcher implements Link.Listener {
  private static final Logger log = LoggerFactory.getLogger(NbdClient.class);

  private static final long SECOND = 1_000_000_000L;

  enum State {
    AWAY,
    OPENING,
    ONLINE,
    DRAINING,
    FAILED,
    CLOSED
  }

  private final String place;
  private final NbdClientOptions options;
  private final Reactor reactor;
  private final Dialer dialer;
  private final Backoff backoff;
  private final long ioTimeout;
  private State state = State.AWAY;

  private final Presence presence = new Presence();

  /** Counts sessions, so that what belongs to an older one is told apart. */
  private int session;

  private final Pool links = new Pool();
  private @Nullable Opening opening;
  private long onlineSince;

  private final Deadlines deadlines;
  private final Ledger ledger = new Ledger();
  private final ArrayDeque<Command> resend = new ArrayDeque<>();
  private final Admission admission;
  private Replay replay = new Replay(List.of());
  private long sequence;

  private boolean earlyFlush;

  Dispatcher(String place, NbdClientOptions options, Reactor reactor, Dialer dialer, long seed) {
    this.place = place;
    this.options = options;
    this.reactor = reactor;
    this.dialer = dialer;
    this.backoff =
        new Backoff(options.minBackoff(), options.maxBackoff(), new SplittableRandom(seed));
    this.admission = new Admission(options.replayLimit(), ledger, this::transmit, this::flushEarly);
    this.ioTimeout = options.ioTimeout().toNanos();
    this.deadlines = new Deadlines(place, reactor, options.ioTimeout(), links, this::expire);
  }

  // Any thread.

  /** Connects for the first time; fails at the first failure. */
  CompletableFuture<Terms> start() {
    reactor.execute(this::dial);
    return presence.first();
  }

  @Nullable Terms terms() {
    return presence.terms();
  }

  @Nullable ExportInfo info() {
    return presence.info();
  }

  /** Leaves the server and comes again; completes when that is done, or fails after a timeout. */
  CompletableFuture<Void> reconnect() {
    CompletableFuture<Void> result = new CompletableFuture<>();
    reactor.execute(
        () -> {
          if (state == State.FAILED || state == State.CLOSED) {
            result.completeExceptionally(presence.gone());
            return;
          }
          presence.await(result);
          reactor.schedule(
              () ->
                  result.completeExceptionally(
                      new NbdException(NbdError.EIO, place + ": the server is away")),
              ioTimeout);
          if (state == State.ONLINE) {
            drain();
            endDrainIfEmpty();
          }
        });
    return result;
  }

  /** Takes a command; its {@link Command#done} tells the outcome on the event loop. */
  void submit(Command c) {
    if (reactor.inLoop()) {
      accept(c);
      return;
    }
    try {
      reactor.execute(() -> accept(c));
    } catch (RejectedExecutionException e) {
      c.releasePayload();
      c.done.completeExceptionally(
          new NbdException(NbdError.EIO, place + ": the event loop is shut down", e));
    }
  }

  /** Gives everything up. Completes when all connections are closed. */
  CompletableFuture<Void> close() {
    CompletableFuture<Void> closed = new CompletableFuture<>();
    try {
      reactor.execute(
          () ->
              end(State.CLOSED, place + ": the client is closed")
                  .whenComplete((v, e) -> closed.complete(null)));
    } catch (RejectedExecutionException e) {
      log.debug("{}: closing after its event loop was shut down", place, e);
      closed.complete(null);
    }
    return closed;
  }

  /** Forgets what would have to be replayed. For tests that show what that leads to. */
  void forget() {
    ledger.clear();
  }

  // The way of a command.

  private void accept(Command c) {
    if (state == State.FAILED || state == State.CLOSED) {
      c.releasePayload();
      c.done.completeExceptionally(presence.gone());
      return;
    }
    c.sequence = ++sequence;
    deadlines.add(c);
    admission.admit(c);
  }

  private void transmit(Command c) {
    if (c.type == Wire.CMD_FLUSH) {
      c.covers = ledger.appended();
    }
    links.leastBusy().send(c);
  }

  private void flushEarly() {
    if (!earlyFlush && admission.wantsFlush()) {
      earlyFlush = true;
      transmit(new Command(Command.Role.EARLY_FLUSH, Wire.CMD_FLUSH, 0, 0, 0, null));
    }
  }

  // What links tell.

  @Override
  public void answered(Link link, Command c) {
    if (c.error() == NbdError.ESHUTDOWN) {
      c.dropReply();
      reclaim(c);
      link.fail(new NbdException(NbdError.ESHUTDOWN, place + ": the server is shutting down"));
      return;
    }
    switch (c.role) {
      case PROBE -> {
        c.dropReply();
        if (state == State.OPENING) {
          startReplay();
        }
      }
      case REPLAY -> replayed(c);
      case EARLY_FLUSH -> {
        earlyFlush = false;
        flushed(c);
      }
      case CALLER -> {
        if (c.type == Wire.CMD_FLUSH) {
          flushed(c);
        } else if (c.changesData()) {
          admission.changed(c);
        }
        settle(c);
        admission.wake(c);
        admission.unthrottle();
        flushEarly();
      }
    }
    if (state == State.DRAINING) {
      endDrainIfEmpty();
    }
  }

  private void flushed(Command c) {
    if (c.error() != null) {
      // The server may have thrown away what it could not write: trying again proves nothing.
      String text = c.failure(place).getMessage();
      settle(c);
      end(State.FAILED, text + "; the device must be opened again");
      return;
    }
    if (state == State.ONLINE || state == State.DRAINING) {
      ledger.flushed(c.covers);
      admission.unthrottle();
      flushEarly();
    }
  }

  /** Answers the caller, unless that has been done. */
  private void settle(Command c) {
    if (c.role != Command.Role.CALLER) {
      return;
    }
    if (c.settled) {
      c.dropReply();
      return;
    }
    c.settled = true;
    deadlines.remove(c);
    if (c.error() == null) {
      c.done.complete(c);
    } else {
      NbdException e = c.failure(place);
      c.dropReply();
      c.done.completeExceptionally(e);
    }
  }

  // Sessions.

  private void dial() {
    if (state != State.AWAY) {
      return;
    }
    state = State.OPENING;
    session++;
    Opening mine =
        new Opening(place, options, dialer, links, this, this::opened, this::attemptFailed);
    opening = mine;
    mine.begin(presence.terms());
  }

  private void opened() {
    Terms now = links.first().terms();
    if (links.size() > 1 && now.size() > 0) {
      // That the first one still answers proves that all of them lead to one run of the server.
      links
          .first()
          .send(new Command(Command.Role.PROBE, Wire.CMD_READ, 0, 0, now.minBlock(), null));
      deadlines.watch();
    } else {
      startReplay();
    }
  }

  private void startReplay() {
    Terms now = links.first().terms();
    replay = new Replay(ledger.replay(now.maxLength()));
    if (replay.size() > 0) {
      log.info("{}: replaying {} changes, {} bytes", place, replay.size(), ledger.bytes());
      deadlines.watch();
    }
    replayMore();
  }

  private void replayMore() {
    if (replay.advance(c -> links.leastBusy().send(c))) {
      online();
    }
  }

  private void replayed(Command c) {
    replay.answered(c);
    if (c.error() != null) {
      end(
          State.FAILED,
          c.failure(place).getMessage()
              + ", when it was replayed: data that was written and not flushed is lost");
    } else if (state == State.OPENING) {
      replayMore();
    }
  }

  private void online() {
    Terms now = links.first().terms();
    state = State.ONLINE;
    onlineSince = reactor.nanoTime();
    boolean again = presence.isDecided();
    presence.here(now, now.info(options.readOnly()));
    if (again) {
      log.info("{}: connected again, {} connections", place, links.size());
    } else {
      log.info("{}: connected, {} connections, {}", place, links.size(), now);
    }
    while (state == State.ONLINE && !resend.isEmpty()) {
      transmit(resend.remove());
    }
    if (state == State.ONLINE) {
      admission.open(now.has(Wire.FLAG_SEND_FLUSH));
      flushEarly();
    }
  }

  @Override
  public void lost(Link link, Throwable cause) {
    links.remove(link);
    link.unanswered().forEach(this::reclaim);
    if (state == State.OPENING) {
      attemptFailed(cause);
      return;
    }
    if (state == State.ONLINE) {
      log.warn("{}: connection lost: {}", place, cause.toString());
      drain();
    }
    if (state == State.DRAINING) {
      endDrainIfEmpty();
    }
  }

  /** Sends nothing more in this session, but takes the answers that still come. */
  private void drain() {
    state = State.DRAINING;
    admission.close();
    int mine = session;
    reactor.schedule(
        () -> {
          if (state == State.DRAINING && mine == session) {
            endDrain();
          }
        },
        Math.min(2 * SECOND, ioTimeout / 4));
  }

  private void endDrainIfEmpty() {
    if (links.isIdle()) {
      endDrain();
    }
  }

  private void endDrain() {
    if (reactor.nanoTime() - onlineSince > SECOND) {
      backoff.reset();
    }
    hangUp();
    away();
  }

  private void attemptFailed(Throwable cause) {
    hangUp();
    if (!presence.isDecided()) {
      state = State.CLOSED;
      presence.neverCame(cause);
      return;
    }
    log.debug("{}: still away: {}", place, cause.toString());
    away();
  }

  private void away() {
    state = State.AWAY;
    session++;
    List<Command> sorted = new ArrayList<>(resend);
    sorted.sort(Comparator.comparingLong(c -> c.sequence));
    resend.clear();
    resend.addAll(sorted);
    reactor.schedule(this::dial, backoff.next());
  }

  /** Closes all links and takes back what is in flight on them. */
  private CompletableFuture<Void> hangUp() {
    if (opening != null) {
      opening.end();
    }
    CompletableFuture<Void> closed = links.close(this::reclaim);
    replay.abandon();
    return closed;
  }

  /** Takes back a command whose answer will not come. */
  private void reclaim(Command c) {
    switch (c.role) {
      case CALLER -> {
        if (c.settled || state == State.FAILED || state == State.CLOSED) {
          admission.discard(c);
        } else {
          resend.add(c);
        }
      }
      case EARLY_FLUSH -> earlyFlush = false;
      case REPLAY, PROBE -> c.releasePayload();
    }
  }

  // Ends.

  private CompletableFuture<Void> end(State last, String why) {
    if (state == State.CLOSED || (state == State.FAILED && last == State.FAILED)) {
      return CompletableFuture.completedFuture(null);
    }
    if (last == State.FAILED) {
      log.error("{}", why);
    }
    state = last;
    presence.failing(why);
    session++;
    admission.close();
    for (Command c = deadlines.oldest(); c != null; c = deadlines.oldest()) {
      giveUp(c, why);
    }
    CompletableFuture<Void> closed = hangUp();
    while (!resend.isEmpty()) {
      admission.discard(resend.remove());
    }
    admission.clear();
    ledger.clear();
    presence.failed(why);
    return closed;
  }

  private void giveUp(Command c, String why) {
    c.settled = true;
    deadlines.remove(c);
    c.done.completeExceptionally(new NbdException(NbdError.EIO, why));
  }

  private void expire(Command c) {
    giveUp(
        c,
        place
            + ": "
            + c
            + " not answered within "
            + options.ioTimeout().toMillis()
            + " ms"
            + (state == State.ONLINE ? "" : ": the server is away"));
    // In flight or among another one's waiters it stays until it is met there: a change in flight
    // may yet be made, so it keeps its range.
    if (admission.remove(c) || resend.remove(c)) {
      admission.discard(c);
    } else {
      admission.expired(c);
    }
  }
}
