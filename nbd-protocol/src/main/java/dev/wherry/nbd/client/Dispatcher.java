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
  private final CompletableFuture<Terms> connected = new CompletableFuture<>();

  private State state = State.AWAY;

  /** What the first connection agreed on, or better. Read on any thread. */
  private volatile @Nullable Terms terms;

  /** The same for users of the client. */
  private volatile @Nullable ExportInfo info;

  private final List<CompletableFuture<Void>> reconnecting = new ArrayList<>();

  /** Counts sessions, so that what belongs to an older one is told apart. */
  private int session;

  private final List<Link> links = new ArrayList<>();
  private int dialing;
  private long onlineSince;
  private @Nullable String failure;

  private final AgeList age = new AgeList();
  private final Ledger ledger = new Ledger();
  private final ArrayDeque<Command> resend = new ArrayDeque<>();
  private final Admission admission;
  private Replay replay = new Replay(List.of());
  private long sequence;

  private boolean earlyFlush;
  private boolean ticking;

  Dispatcher(String place, NbdClientOptions options, Reactor reactor, Dialer dialer, long seed) {
    this.place = place;
    this.options = options;
    this.reactor = reactor;
    this.dialer = dialer;
    this.backoff =
        new Backoff(options.minBackoff(), options.maxBackoff(), new SplittableRandom(seed));
    this.admission = new Admission(options.replayLimit(), ledger, this::transmit, this::flushEarly);
    this.ioTimeout = options.ioTimeout().toNanos();
  }

  // Any thread.

  /** Connects for the first time; fails at the first failure. */
  CompletableFuture<Terms> start() {
    reactor.execute(this::dial);
    return connected;
  }

  @Nullable Terms terms() {
    return terms;
  }

  @Nullable ExportInfo info() {
    return info;
  }

  /** Leaves the server and comes again; completes when that is done, or fails after a timeout. */
  CompletableFuture<Void> reconnect() {
    CompletableFuture<Void> result = new CompletableFuture<>();
    reactor.execute(
        () -> {
          if (state == State.FAILED || state == State.CLOSED) {
            result.completeExceptionally(new NbdException(NbdError.EIO, String.valueOf(failure)));
            return;
          }
          reconnecting.add(result);
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
      c.done.completeExceptionally(new NbdException(NbdError.EIO, String.valueOf(failure)));
      return;
    }
    c.sequence = ++sequence;
    c.deadline = reactor.nanoTime() + ioTimeout;
    age.add(c);
    startTicking();
    admission.admit(c);
  }

  private void transmit(Command c) {
    if (c.type == Wire.CMD_FLUSH) {
      c.covers = ledger.appended();
    }
    leastBusy().send(c);
  }

  private Link leastBusy() {
    Link best = links.get(0);
    for (int i = 1; i < links.size(); i++) {
      if (links.get(i).inFlight() < best.inFlight()) {
        best = links.get(i);
      }
    }
    return best;
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
    age.remove(c);
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
    int mine = ++session;
    dialer
        .dial(options.connectTimeout().toNanos())
        .whenComplete(
            (link, e) -> {
              if (mine != session || state != State.OPENING) {
                closeQuietly(link);
              } else if (e != null) {
                attemptFailed(e);
              } else {
                opened(link);
              }
            });
  }

  private void opened(Link first) {
    Terms now = first.terms();
    Terms before = terms;
    String missing = before == null ? null : now.missingAgainst(before);
    links.add(first);
    first.start(this);
    if (missing != null) {
      attemptFailed(
          new NbdConnectException(
              NbdConnectException.Reason.REFUSED,
              place + ": the export is not what it was: " + missing));
      return;
    }
    dialing = now.has(Wire.FLAG_CAN_MULTI_CONN) ? options.connections() - 1 : 0;
    if (dialing == 0) {
      startReplay();
      return;
    }
    int mine = session;
    // A server that has no room for more may leave us in its backlog: that is no reason to wait.
    long limit = Math.min(options.connectTimeout().toNanos(), SECOND);
    for (int n = dialing; n > 0; n--) {
      dialer.dial(limit).whenComplete((link, e) -> openedMore(mine, link, e));
    }
  }

  private void openedMore(int mine, @Nullable Link link, @Nullable Throwable e) {
    if (mine != session || state != State.OPENING) {
      closeQuietly(link);
      return;
    }
    Link first = links.get(0);
    if (link == null) {
      log.debug("{}: no further connection: {}", place, String.valueOf(e));
    } else if (link.terms().equals(first.terms())) {
      links.add(link);
      link.start(this);
    } else {
      closeQuietly(link);
    }
    if (--dialing > 0) {
      return;
    }
    if (links.size() > 1 && first.terms().size() > 0) {
      // That the first one still answers proves that all of them lead to one run of the server.
      first.send(
          new Command(Command.Role.PROBE, Wire.CMD_READ, 0, 0, first.terms().minBlock(), null));
      startTicking();
    } else {
      startReplay();
    }
  }

  private void closeQuietly(@Nullable Link link) {
    if (link != null) {
      link.close();
    }
  }

  private void startReplay() {
    Terms now = links.get(0).terms();
    replay = new Replay(ledger.replay(now.maxLength()));
    if (replay.size() > 0) {
      log.info("{}: replaying {} changes, {} bytes", place, replay.size(), ledger.bytes());
      startTicking();
    }
    replayMore();
  }

  private void replayMore() {
    if (replay.advance(c -> leastBusy().send(c))) {
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
    Terms now = links.get(0).terms();
    state = State.ONLINE;
    onlineSince = reactor.nanoTime();
    terms = now;
    info = now.info(options.readOnly());
    List<CompletableFuture<Void>> asked = List.copyOf(reconnecting);
    reconnecting.clear();
    asked.forEach(f -> f.complete(null));
    if (connected.isDone()) {
      log.info("{}: connected again, {} connections", place, links.size());
    } else {
      log.info("{}: connected, {} connections, {}", place, links.size(), now);
      connected.complete(now);
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
    for (Link link : links) {
      if (link.inFlight() > 0) {
        return;
      }
    }
    endDrain();
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
    if (!connected.isDone()) {
      state = State.CLOSED;
      failure = cause.getMessage();
      connected.completeExceptionally(cause);
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
    List<Link> all = List.copyOf(links);
    links.clear();
    List<CompletableFuture<Void>> closed = new ArrayList<>();
    for (Link link : all) {
      link.unanswered().forEach(this::reclaim);
      closed.add(link.close());
    }
    replay.abandon();
    return CompletableFuture.allOf(closed.toArray(new CompletableFuture<?>[0]));
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
    failure = why;
    session++;
    admission.close();
    for (Command c = age.oldest(); c != null; c = age.oldest()) {
      giveUp(c, why);
    }
    CompletableFuture<Void> closed = hangUp();
    while (!resend.isEmpty()) {
      admission.discard(resend.remove());
    }
    admission.clear();
    ledger.clear();
    reconnecting.forEach(f -> f.completeExceptionally(new NbdException(NbdError.EIO, why)));
    reconnecting.clear();
    connected.completeExceptionally(
        new NbdConnectException(NbdConnectException.Reason.UNREACHABLE, why));
    return closed;
  }

  private void giveUp(Command c, String why) {
    c.settled = true;
    age.remove(c);
    c.done.completeExceptionally(new NbdException(NbdError.EIO, why));
  }

  private void startTicking() {
    if (!ticking) {
      ticking = true;
      reactor.schedule(this::tick, Math.max(1_000_000L, Math.min(SECOND, ioTimeout / 16)));
    }
  }

  private void tick() {
    ticking = false;
    long now = reactor.nanoTime();
    for (Command c = age.oldest(); c != null && c.deadline - now <= 0; c = age.oldest()) {
      expire(c);
    }
    boolean busy = !age.isEmpty();
    for (Link link : List.copyOf(links)) {
      if (link.inFlight() > 0) {
        busy = true;
        if (now - link.quietSince() >= ioTimeout) {
          link.fail(
              new NbdException(
                  NbdError.EIO,
                  place + ": no answer within " + options.ioTimeout().toMillis() + " ms"));
        }
      }
    }
    if (busy) {
      startTicking();
    }
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
