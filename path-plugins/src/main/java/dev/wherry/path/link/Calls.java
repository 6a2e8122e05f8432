package dev.wherry.path.link;

import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The requests of this node to another: those that wait for a credit, and those that have a number
 * and no answer yet. One session, over any number of connections. On one event loop, {@link
 * #submit} excepted.
 */
final class Calls {
  /** Requests of a class that may wait for a credit. */
  private static final int MOST_WAITING = 1 << 16;

  private final EventLoop loop;
  private final Traffic traffic;
  private final Supplier<String> whyNot;

  private final ConcurrentLinkedQueue<Call> inbox = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean posted = new AtomicBoolean();

  private final List<Set<Call>> waiting = new ArrayList<>();

  /** By number, in the order of numbers. */
  private final Map<Long, Call> pending = new LinkedHashMap<>();

  private final Window.Use[] credits = new Window.Use[Window.CLASSES];
  private @Nullable DialedConnection connection;
  private @Nullable String closed;

  /** A connection is being greeted: the other side was told of what is pending. */
  private boolean greeting;

  private long life;
  private long lastSequence;

  Calls(EventLoop loop, Traffic traffic, Supplier<String> whyNot) {
    this.loop = loop;
    this.traffic = traffic;
    this.whyNot = whyNot;
    for (int i = 0; i < Window.CLASSES; i++) {
      waiting.add(new LinkedHashSet<>());
    }
  }

  /** Any thread. */
  CompletableFuture<LinkReply> submit(Call c) {
    if (c.request.payload().readableBytes() > Frame.MAX_PAYLOAD) {
      c.fail(
          c.request.op()
              + " of "
              + c.request.payload().readableBytes()
              + " bytes, the link takes "
              + Frame.MAX_PAYLOAD,
          true);
    } else if (loop.inEventLoop()) {
      start(c);
    } else {
      inbox.add(c);
      if (!posted.getAndSet(true)) {
        try {
          loop.execute(this::drain);
        } catch (java.util.concurrent.RejectedExecutionException e) {
          rejected();
        }
      }
    }
    return c.future;
  }

  /** Nobody waits for the answer any more. Any thread. */
  void withdraw(Call c) {
    try {
      loop.execute(
          () -> {
            drain(); // It may not even have been begun.
            if (!c.future.isDone()) {
              giveUp(c, c.request.op() + " was withdrawn; " + whyNot.get());
            }
          });
    } catch (java.util.concurrent.RejectedExecutionException e) {
      rejected();
    }
  }

  /** The event loop is shut down: nothing will ever be sent. */
  private void rejected() {
    for (Call c = inbox.poll(); c != null; c = inbox.poll()) {
      c.fail("the link is closed", true);
    }
  }

  private void drain() {
    posted.set(false);
    for (Call c = inbox.poll(); c != null; c = inbox.poll()) {
      start(c);
    }
  }

  private void start(Call c) {
    Set<Call> queue = waiting.get(cls(c));
    if (closed != null) {
      c.fail(closed, true);
    } else if (queue.size() >= MOST_WAITING) {
      c.fail(MOST_WAITING + " requests wait for node already", true);
    } else {
      c.timer = loop.schedule(() -> expire(c), c.limit.toNanos(), TimeUnit.NANOSECONDS);
      queue.add(c);
      grant(cls(c));
    }
  }

  @SuppressWarnings("EnumOrdinal") // the class on the wire
  private static int cls(Call c) {
    return c.priority.ordinal();
  }

  /** Sends what the credits of a class allow. */
  private void grant(int cls) {
    DialedConnection to = connection;
    if (to == null) {
      return;
    }
    Set<Call> queue = waiting.get(cls);
    while (!queue.isEmpty()) {
      Call c = queue.iterator().next();
      if (!credits[cls].has(c.cost)) {
        return;
      }
      queue.remove(c);
      c.sequence = ++lastSequence;
      pending.put(c.sequence, c);
      credits[cls].take(c.cost);
      send(to, c);
    }
  }

  private void send(DialedConnection to, Call c) {
    traffic.requests.increment();
    Outgoing o = new Outgoing(cls(c), c.sequence, Head.Request.of(c.request), c.request.payload());
    c.outgoing = o;
    to.out().add(o);
  }

  /** Remembers whether anything of a request left. */
  private void note(Call c) {
    Outgoing o = c.outgoing;
    if (o != null && o.begun) {
      c.sentTo = life;
    }
  }

  /** The limit has passed. */
  private void expire(Call c) {
    if (c.future.isDone() && c.withdrawn) {
      return;
    }
    c.timer = null;
    giveUp(
        c, c.request.op() + " got no answer within " + c.limit.toMillis() + " ms; " + whyNot.get());
  }

  private void giveUp(Call c, String why) {
    if (waiting.get(cls(c)).remove(c)) {
      c.fail(why, c.sentTo == 0);
      return;
    }
    note(c);
    DialedConnection to = connection;
    Outgoing o = c.outgoing;
    if (to != null && o != null && !o.begun) {
      to.out().remove(o);
      forget(c);
    } else if (to != null) {
      if (o != null && !o.isSent()) {
        to.out().remove(o);
      }
      to.out().control(Frame.CANCEL, c.sequence);
    } else if (!greeting) {
      pending.remove(c.sequence);
    }
    c.fail(why, c.sentTo == 0);
    c.withdrawn = true;
  }

  private void forget(Call c) {
    pending.remove(c.sequence);
    credits[cls(c)].give(c.cost);
    grant(cls(c));
  }

  /** The numbers that the other side is told of; what it may forget is forgotten here too. */
  List<Long> pendingForHello() {
    greeting = true;
    pending.values().removeIf(c -> c.withdrawn);
    return List.copyOf(pending.keySet());
  }

  /** A session goes on, or begins. */
  void connected(DialedConnection to, Greeting.Welcome w) {
    greeting = false;
    connection = to;
    life = w.life();
    for (int i = 0; i < credits.length; i++) {
      credits[i] = new Window.Use(w.windows().get(i));
    }
    Set<Long> known = new HashSet<>(w.known());
    List<Call> lost = new ArrayList<>();
    for (Call c : List.copyOf(pending.values())) {
      boolean there = known.remove(c.sequence);
      if (c.withdrawn && !there) {
        pending.remove(c.sequence);
      } else if (!there && !w.resumed() && c.sentTo != 0 && c.sentTo == life) {
        // The same daemon forgot the session: it may have executed the request.
        pending.remove(c.sequence);
        lost.add(c);
      } else {
        credits[cls(c)].take(c.cost);
        if (!there) {
          send(to, c);
        } else if (c.withdrawn) {
          to.out().control(Frame.CANCEL, c.sequence);
        }
      }
    }
    if (!known.isEmpty()) {
      to.fail("malformed: " + known.size() + " requests are known there that are not here");
    }
    for (int cls = 0; cls < Window.CLASSES; cls++) {
      grant(cls);
    }
    for (Call c : lost) {
      c.fail(c.request.op() + " has no answer: the node forgot the session", false);
    }
  }

  /** The connection is gone, if there was one, or did not come about. */
  void disconnected() {
    greeting = false;
    connection = null;
    for (Call c : pending.values()) {
      note(c);
      c.outgoing = null;
    }
    pending.values().removeIf(c -> c.withdrawn);
  }

  /** An answer begins to come. */
  void answering(int cls, long sequence) {
    Call c = pending.get(sequence);
    if (c == null || cls(c) != cls) {
      throw new MalformedException("an answer to request " + sequence + ", which waits for none");
    }
  }

  /** An answer came. */
  void answered(long sequence, LinkReply reply) {
    Call c = pending.get(sequence);
    if (c == null) {
      reply.payload().release();
      throw new MalformedException("an answer to request " + sequence + ", which waits for none");
    }
    forget(c);
    c.answer(reply);
  }

  /** A request that was withdrawn has ended there, or will never begin. */
  void ended(long sequence) {
    Call c = pending.get(sequence);
    if (c == null || !c.withdrawn) {
      throw new MalformedException("the end of request " + sequence + ", which was not withdrawn");
    }
    forget(c);
  }

  void close(String why) {
    closed = why;
    connection = null;
    List<Call> all = new ArrayList<>();
    for (Set<Call> queue : waiting) {
      all.addAll(queue);
      queue.clear();
    }
    for (Call c : pending.values()) {
      note(c);
      if (!c.withdrawn) {
        all.add(c);
      }
    }
    pending.clear();
    for (Call c : all) {
      c.fail(why, c.sentTo == 0);
    }
  }
}
