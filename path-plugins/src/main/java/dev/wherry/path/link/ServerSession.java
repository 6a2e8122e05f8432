package dev.wherry.path.link;

import dev.wherry.nbd.NbdError;
import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one dialer asks of this node: the requests that are executed for it and the answers that it
 * has not acknowledged. It outlives connections, and so it moves between their event loops: all of
 * it runs on the one that is its home now. A connection that was replaced is on another one
 * perhaps, and finds out that it was by comparing.
 *
 * <pre>
 *   a number:  unknown ── whole request came ──▶ executing ── done ──▶ answered ── ACK ──▶ gone
 *                                                 │ CANCEL, or not named in a HELLO
 *                                                 ▼
 *                                              withdrawn ── done ──▶ gone (ENDED)
 * </pre>
 *
 * <p>A connection is welcomed only when nothing that is withdrawn executes any more, and a new
 * session of the dialer begins only when nothing of the old one does, nor its connection lives: two
 * daemons with one identity would end each other's requests in turn.
 */
final class ServerSession {
  private static final Logger log = LoggerFactory.getLogger(ServerSession.class);
  private static final Priority[] CLASSES = Priority.values();

  private final LinkHub hub;
  private final LinkOptions options;
  private final String node;
  private final Traffic traffic;
  private final List<Window> windows = Window.defaults();

  private volatile EventLoop home;
  private final ConcurrentLinkedQueue<Runnable> finished = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean posted = new AtomicBoolean();

  private final Map<Long, Entry> entries = new HashMap<>();
  private final Window.Use[] credits = new Window.Use[Window.CLASSES];
  private final long[] highest = new long[Window.CLASSES];

  /** What the request costs that is coming. */
  private final long[] comes = new long[Window.CLASSES];

  /** Numbers that were used before and that the dialer has to send again. */
  private final Set<Long> again = new HashSet<>();

  private boolean begun;
  private long id;
  private long attempt;
  private int withdrawn;
  private @Nullable AcceptedConnection connection;
  private @Nullable Waiting waiting;
  private @Nullable ScheduledFuture<?> expiry;
  private boolean closed;

  /** A greeting that is answered when what was withdrawn has ended. */
  private record Waiting(AcceptedConnection connection, Greeting.Hello hello) {}

  private static final class Entry {
    final int cls;
    final long sequence;
    final long cost;

    /** Null until it is answered; owned. */
    @Nullable LinkReply reply;

    boolean withdrawn;

    Entry(int cls, long sequence, long cost) {
      this.cls = cls;
      this.sequence = sequence;
      this.cost = cost;
    }
  }

  ServerSession(LinkHub hub, LinkOptions options, String node, Traffic traffic) {
    this.hub = hub;
    this.options = options;
    this.node = node;
    this.traffic = traffic;
    this.home = options.group().next();
    for (int i = 0; i < credits.length; i++) {
      credits[i] = new Window.Use(windows.get(i));
    }
  }

  Traffic traffic() {
    return traffic;
  }

  /** Runs at home, wherever that is by then. Any thread. */
  private void atHome(Runnable action) {
    EventLoop h = home;
    if (h.inEventLoop()) {
      action.run();
    } else {
      h.execute(() -> atHome(action));
    }
  }

  /** A connection that was admitted asks for the session. Any event loop. */
  void hello(AcceptedConnection c, Greeting.Hello h) {
    atHome(() -> arrive(c, h));
  }

  private void arrive(AcceptedConnection c, Greeting.Hello h) {
    if (closed) {
      c.loop().execute(() -> c.refuse("it is closing"));
      return;
    }
    boolean same = begun && h.session() == id;
    if (same && h.attempt() <= attempt) {
      c.loop().execute(() -> c.refuse("a newer connection has taken over"));
      return;
    }
    AcceptedConnection there = connection;
    if (begun
        && !same
        && h.attempt() != Greeting.Hello.LOOKING
        && there != null
        && there.isHeard()) {
      String why =
          "node "
              + node
              + " is connected already, from "
              + there.channel().remoteAddress()
              + ": has it just been started anew, or is there a copy of its data directory?";
      c.loop().execute(() -> c.refuse(why));
      return;
    }
    drop(connection, "a newer connection has taken over");
    connection = null;
    Waiting w = waiting;
    if (w != null) {
      drop(w.connection(), "a newer connection has taken over");
    }
    if (same) {
      attempt = h.attempt();
    }
    Set<Long> named = same ? new HashSet<>(h.pending()) : Set.of();
    for (Entry e : List.copyOf(entries.values())) {
      if (!named.contains(e.sequence)) {
        forget(e);
      }
    }
    waiting = new Waiting(c, h);
    welcomeIfQuiet();
  }

  private static void drop(@Nullable AcceptedConnection c, String why) {
    if (c != null) {
      c.loop().execute(() -> c.fail(why));
    }
  }

  /** Nobody waits for it any more. */
  private void forget(Entry e) {
    LinkReply r = e.reply;
    if (r != null) {
      entries.remove(e.sequence);
      r.payload().release();
    } else if (!e.withdrawn) {
      e.withdrawn = true;
      withdrawn++;
    }
  }

  private void welcomeIfQuiet() {
    Waiting w = waiting;
    if (w == null || withdrawn > 0) {
      return;
    }
    waiting = null;
    EventLoop to = w.connection().loop();
    home = to;
    if (to.inEventLoop()) {
      welcome(w.connection(), w.hello());
    } else {
      to.execute(() -> atHome(() -> welcome(w.connection(), w.hello())));
    }
  }

  private void welcome(AcceptedConnection c, Greeting.Hello h) {
    if (closed || !c.isOpen()) {
      expireLater();
      return;
    }
    boolean resumed = begun && h.session() == id;
    if (!resumed) {
      begun = true;
      id = h.session();
      attempt = h.attempt();
      java.util.Arrays.fill(highest, 0);
    }
    if (expiry != null) {
      expiry.cancel(false);
      expiry = null;
    }
    again.clear();
    List<Long> known = new ArrayList<>();
    for (Window.Use u : credits) {
      u.clear();
    }
    for (long n : h.pending()) {
      Entry e = entries.get(n);
      if (e == null) {
        again.add(n);
      } else {
        known.add(n);
        credits[e.cls].take(e.cost);
      }
    }
    connection = c;
    c.join(this, new Greeting.Welcome(options.identity(), hub.life(), resumed, windows, known));
    for (long n : known) {
      Entry e = entries.get(n);
      if (e != null && e.reply != null) {
        send(c, e, e.reply);
      }
    }
    hub.heardOf(node);
  }

  /** A request begins to come. */
  void begun(AcceptedConnection c, int cls, long sequence, Head.Request head) {
    if (c != connection) {
      return;
    }
    boolean fresh = sequence > highest[cls] || again.contains(sequence);
    if (!fresh || entries.containsKey(sequence)) {
      throw new MalformedException("request " + sequence + " comes a second time");
    }
    long cost = Window.cost(head.op(), head.length(), head.payload());
    if (!credits[cls].has(cost)) {
      throw new MalformedException(
          "request " + sequence + " of class " + CLASSES[cls] + " is more than its credits allow");
    }
    credits[cls].take(cost);
    comes[cls] = cost;
    highest[cls] = Math.max(highest[cls], sequence);
  }

  /** A request is complete. */
  void execute(AcceptedConnection c, int cls, long sequence, Head.Request head, ByteBuf payload) {
    if (c != connection) {
      payload.release();
      return;
    }
    again.remove(sequence);
    Entry e = new Entry(cls, sequence, Window.cost(head.op(), head.length(), head.payload()));
    entries.put(sequence, e);
    traffic.served.increment();
    CompletableFuture<LinkReply> future;
    try {
      future = hub.service().serve(node, head.with(payload), CLASSES[cls]);
    } catch (RuntimeException x) {
      future = CompletableFuture.failedFuture(x);
    }
    future.whenComplete(
        (reply, failure) -> {
          payload.release();
          LinkReply r = reply != null ? reply : failed(head, failure);
          if (home.inEventLoop()) {
            finish(e, r);
          } else {
            finished.add(() -> finish(e, r));
            post();
          }
        });
  }

  private static LinkReply failed(Head.Request head, @Nullable Throwable failure) {
    log.warn("{} for {} failed", head.op(), head.suid(), failure);
    return LinkReply.error(NbdError.EIO, head.epoch(), String.valueOf(failure));
  }

  private void post() {
    if (!posted.getAndSet(true)) {
      home.execute(() -> atHome(this::drain));
    }
  }

  private void drain() {
    posted.set(false);
    for (Runnable r = finished.poll(); r != null; r = finished.poll()) {
      r.run();
    }
  }

  private void finish(Entry e, LinkReply r) {
    AcceptedConnection c = connection;
    if (e.withdrawn || closed) {
      r.payload().release();
      entries.remove(e.sequence);
      if (e.withdrawn) {
        withdrawn--;
      }
      if (c != null && c.isOpen()) {
        credits[e.cls].give(e.cost);
        c.out().control(Frame.ENDED, e.sequence);
      }
      welcomeIfQuiet();
      return;
    }
    int bytes = r.payload().readableBytes();
    LinkReply kept = r;
    if (bytes > Frame.MAX_PAYLOAD) {
      r.payload().release();
      kept =
          LinkReply.error(
              NbdError.EOVERFLOW,
              r.epoch(),
              "an answer of " + bytes + " bytes, the link takes " + Frame.MAX_PAYLOAD);
    }
    e.reply = kept;
    if (c != null && c.isOpen()) {
      send(c, e, kept);
    }
  }

  private static void send(AcceptedConnection c, Entry e, LinkReply r) {
    c.out().add(new Outgoing(e.cls, e.sequence, Head.Reply.of(r), r.payload()));
  }

  /** The dialer has these answers. */
  void acknowledged(AcceptedConnection c, List<Long> numbers) {
    if (c != connection) {
      return;
    }
    for (long n : numbers) {
      Entry e = entries.get(n);
      if (e == null || e.reply == null) {
        throw new MalformedException("an acknowledgement of " + n + ", which was not answered");
      }
      credits[e.cls].give(e.cost);
      forget(e);
    }
  }

  /** The dialer does not wait for the answer any more. */
  void cancelled(AcceptedConnection c, long sequence) {
    if (c != connection) {
      return;
    }
    Entry e = entries.get(sequence);
    if (e != null && e.reply == null) {
      forget(e);
    } else if (e == null) {
      int cls = c.decoder().drop(sequence);
      if (cls >= 0) {
        credits[cls].give(comes[cls]);
        c.out().control(Frame.ENDED, sequence);
      }
    }
  }

  /** A connection that was welcomed is gone. Its event loop. */
  void disconnected(AcceptedConnection c, String why) {
    atHome(
        () -> {
          if (connection == c) {
            connection = null;
            if (!closed) {
              log.info("node {} has left: {}", node, why);
            }
            expireLater();
          }
        });
  }

  private void expireLater() {
    if (expiry == null && !closed) {
      EventLoop h = home;
      expiry =
          h.schedule(
              () -> atHome(this::expire), options.sessionLife().toNanos(), TimeUnit.NANOSECONDS);
    }
  }

  /** The dialer did not come back: what it asked is not kept any longer. */
  private void expire() {
    expiry = null;
    if (connection == null && waiting == null) {
      for (Entry e : List.copyOf(entries.values())) {
        forget(e);
      }
      begun = false;
    }
  }

  /** Ends the session: the node was removed, or this side closes. Any thread. */
  void close(String why) {
    atHome(
        () -> {
          closed = true;
          if (expiry != null) {
            expiry.cancel(false);
          }
          drop(connection, why);
          connection = null;
          Waiting w = waiting;
          waiting = null;
          if (w != null) {
            drop(w.connection(), why);
          }
          for (Entry e : List.copyOf(entries.values())) {
            forget(e);
          }
        });
  }
}
