package dev.wherry.path.link;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.link.Executions.Execution;
import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one dialer asks of this node: its {@link Executions}, and the connection that they come by.
 * It outlives connections, and so it moves between their event loops: all of it runs on the one
 * that is its {@link Home} now. A connection that was replaced is on another one perhaps, and finds
 * out that it was by comparing.
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
  private final Home home;
  private final Executions executions = new Executions();

  private boolean begun;
  private long id;
  private long attempt;
  private @Nullable AcceptedConnection connection;
  private @Nullable Waiting waiting;
  private @Nullable ScheduledFuture<?> expiry;
  private boolean closed;

  /** A greeting that is answered when what was withdrawn has ended, or is abandoned. */
  private record Waiting(AcceptedConnection connection, Greeting.Hello hello) {}

  ServerSession(LinkHub hub, LinkOptions options, String node, Traffic traffic) {
    this.hub = hub;
    this.options = options;
    this.node = node;
    this.traffic = traffic;
    this.home = new Home(options.group().next());
  }

  Traffic traffic() {
    return traffic;
  }

  /** A connection that was admitted asks for the session. Any event loop. */
  void hello(AcceptedConnection c, Greeting.Hello h) {
    home.run(() -> arrive(c, h));
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
    executions.keep(named);
    waiting = new Waiting(c, h);
    welcomeIfQuiet();
  }

  private static void drop(@Nullable AcceptedConnection c, String why) {
    if (c != null) {
      c.loop().execute(() -> c.fail(why));
    }
  }

  private void welcomeIfQuiet() {
    Waiting w = waiting;
    if (w == null || !executions.isQuiet()) {
      return;
    }
    waiting = null;
    home.moveTo(w.connection().loop(), () -> welcome(w.connection(), w.hello()));
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
      executions.renumber();
    }
    if (expiry != null) {
      expiry.cancel(false);
      expiry = null;
    }
    List<Long> known = executions.resume(h.pending());
    connection = c;
    c.join(
        this,
        new Greeting.Welcome(options.identity(), hub.life(), resumed, executions.windows(), known));
    for (long n : known) {
      Execution e = executions.get(n);
      LinkReply r = e == null ? null : e.reply();
      if (r != null) {
        send(c, e, r);
      }
    }
    hub.heardOf(node);
  }

  /** A request begins to come. */
  void begun(AcceptedConnection c, int cls, long sequence, Head.Request head) {
    if (c != connection) {
      return;
    }
    executions.announced(cls, sequence, head);
  }

  /** A request is complete. */
  void execute(AcceptedConnection c, int cls, long sequence, Head.Request head, ByteBuf payload) {
    if (c != connection) {
      payload.release();
      return;
    }
    Execution e = executions.begin(cls, sequence, head);
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
          if (home.isHere()) {
            finish(e, r);
          } else {
            home.leave(() -> finish(e, r));
          }
        });
  }

  private static LinkReply failed(Head.Request head, @Nullable Throwable failure) {
    log.warn("{} for {} failed", head.op(), head.suid(), failure);
    return LinkReply.error(NbdError.EIO, head.epoch(), String.valueOf(failure));
  }

  private void finish(Execution e, LinkReply r) {
    if (e.isAbandoned()) {
      r.payload().release();
      return;
    }
    AcceptedConnection c = connection;
    if (e.isWithdrawn() || closed) {
      r.payload().release();
      executions.ended(e);
      if (c != null && c.isOpen()) {
        executions.free(e);
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
    executions.answered(e, kept);
    if (c != null && c.isOpen()) {
      send(c, e, kept);
    }
  }

  private static void send(AcceptedConnection c, Execution e, LinkReply r) {
    c.out().add(new Outgoing(e.cls, e.sequence, Head.Reply.of(r), r.payload()));
  }

  /** The dialer has these answers. */
  void acknowledged(AcceptedConnection c, List<Long> numbers) {
    if (c != connection) {
      return;
    }
    for (long n : numbers) {
      executions.acknowledged(n);
    }
  }

  /** The dialer does not wait for the answer any more. */
  void cancelled(AcceptedConnection c, long sequence) {
    if (c != connection) {
      return;
    }
    if (!executions.cancel(sequence)) {
      int cls = c.decoder().drop(sequence);
      if (cls >= 0) {
        executions.cutOff(cls);
        c.out().control(Frame.ENDED, sequence);
      }
    }
  }

  /** A connection that was welcomed is gone. Its event loop. */
  void disconnected(AcceptedConnection c, String why) {
    home.run(
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
      expiry = home.later(this::expire, options.sessionLife());
    }
  }

  /** The dialer did not come back: what it asked is not kept any longer. */
  private void expire() {
    expiry = null;
    if (connection == null && waiting == null) {
      executions.keep(Set.of());
      begun = false;
    }
  }

  /** Ends the session: the node was removed, or this side closes. Any thread. */
  void close(String why) {
    home.run(
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
          executions.keep(Set.of());
        });
  }
}
