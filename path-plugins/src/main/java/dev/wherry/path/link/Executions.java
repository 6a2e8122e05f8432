package dev.wherry.path.link;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What one dialer has asked, by number: what executes, what was answered and not acknowledged, and
 * the credits that all of it takes. It outlives connections.
 *
 * <pre>
 *   a number:  unknown ── whole request came ──▶ executing ── done ──▶ answered ── ACK ──▶ gone
 *                                                 │ CANCEL, or not named in a HELLO
 *                                                 ▼
 *                                              withdrawn ── done ──▶ gone (ENDED)
 *                                                 │ ACTIVATE, without a connection
 *                                                 ▼
 *                                              abandoned: gone, though it executes
 * </pre>
 *
 * One thread at a time.
 */
final class Executions {
  private static final Priority[] CLASSES = Priority.values();

  /** One request that came whole. */
  static final class Execution {
    final int cls;
    final long sequence;
    private final long cost;

    /** Null until it is answered; owned. */
    private @Nullable LinkReply reply;

    private boolean withdrawn;
    private boolean abandoned;

    /**
     * The node that asked takes part in it, by what it is asked for meanwhile: to do that it may
     * need the very connection that would wait for the end.
     */
    private final boolean asksBack;

    private Execution(int cls, long sequence, Head.Request head) {
      this.cls = cls;
      this.sequence = sequence;
      this.cost = Window.cost(head.op(), head.length(), head.payload());
      this.asksBack = head.op() == Op.ACTIVATE;
    }

    /** What it was answered, kept until it is acknowledged; null while it executes. */
    @Nullable LinkReply reply() {
      return reply;
    }

    /** Whether nobody waits for it any more. */
    boolean isWithdrawn() {
      return withdrawn;
    }

    /** Whether it is forgotten already, and nobody is to hear of its end. */
    boolean isAbandoned() {
      return abandoned;
    }
  }

  private final List<Window> windows = Window.defaults();
  private final Map<Long, Execution> known = new HashMap<>();
  private final Window.Use[] credits = new Window.Use[Window.CLASSES];
  private final long[] highest = new long[Window.CLASSES];

  /** What the request costs that is coming. */
  private final long[] comes = new long[Window.CLASSES];

  /** Numbers that were used before and that the dialer has to send again. */
  private final Set<Long> again = new HashSet<>();

  private int withdrawn;

  Executions() {
    for (int i = 0; i < credits.length; i++) {
      credits[i] = new Window.Use(windows.get(i));
    }
  }

  /** What the dialer may have here at a time, in the order of {@link Priority}. */
  List<Window> windows() {
    return windows;
  }

  /** Whether nothing executes that nobody waits for. */
  boolean isQuiet() {
    return withdrawn == 0;
  }

  // ------------------------------------------------------------------ with a connection

  /**
   * A request begins to come.
   *
   * @throws MalformedException if the number was used, or there are no credits for it
   */
  void announced(int cls, long sequence, Head.Request head) {
    boolean fresh = sequence > highest[cls] || again.contains(sequence);
    if (!fresh || known.containsKey(sequence)) {
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

  /** A request that was announced was withdrawn before it was complete. */
  void cutOff(int cls) {
    credits[cls].give(comes[cls]);
  }

  /** A request is complete, and executes. */
  Execution begin(int cls, long sequence, Head.Request head) {
    again.remove(sequence);
    Execution e = new Execution(cls, sequence, head);
    known.put(sequence, e);
    return e;
  }

  /** It is answered; the answer is kept from now on. */
  void answered(Execution e, LinkReply reply) {
    e.reply = reply;
  }

  /** It has ended, and is forgotten: nobody waits for an answer. */
  void ended(Execution e) {
    known.remove(e.sequence);
    if (e.withdrawn) {
      withdrawn--;
    }
  }

  /** The dialer hears, or has said, that it is over: its credits are free again. */
  void free(Execution e) {
    credits[e.cls].give(e.cost);
  }

  /**
   * The dialer has an answer.
   *
   * @throws MalformedException if there was none
   */
  void acknowledged(long sequence) {
    Execution e = known.get(sequence);
    if (e == null || e.reply == null) {
      throw new MalformedException(
          "an acknowledgement of " + sequence + ", which was not answered");
    }
    free(e);
    forget(e);
  }

  /** Nobody waits for a request any more; false if it did not come whole. */
  boolean cancel(long sequence) {
    Execution e = known.get(sequence);
    if (e == null) {
      return false;
    }
    if (e.reply == null) {
      forget(e);
    }
    return true;
  }

  // ------------------------------------------------------------------ between connections

  /** Nobody waits any more, but for the requests with these numbers. */
  void keep(Set<Long> numbers) {
    for (Execution e : List.copyOf(known.values())) {
      if (!numbers.contains(e.sequence)) {
        forget(e);
      }
      if (e.withdrawn && e.asksBack) {
        e.abandoned = true;
        ended(e);
      }
    }
  }

  /** Another session begins: its numbers begin anew. */
  void renumber() {
    Arrays.fill(highest, 0);
  }

  /**
   * A connection begins.
   *
   * @param pending what the dialer waits for
   * @return those of them that came whole; the others it sends again
   */
  List<Long> resume(List<Long> pending) {
    again.clear();
    List<Long> there = new ArrayList<>();
    for (Window.Use u : credits) {
      u.clear();
    }
    for (long n : pending) {
      Execution e = known.get(n);
      if (e == null) {
        again.add(n);
      } else {
        there.add(n);
        credits[e.cls].take(e.cost);
      }
    }
    return there;
  }

  /** One that came whole, or null. */
  @Nullable Execution get(long sequence) {
    return known.get(sequence);
  }

  private void forget(Execution e) {
    LinkReply r = e.reply;
    if (r != null) {
      known.remove(e.sequence);
      r.payload().release();
    } else if (!e.withdrawn) {
      e.withdrawn = true;
      withdrawn++;
    }
  }
}
