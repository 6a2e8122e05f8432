package dev.wherry.path.shared;

import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkException;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Links;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import dev.wherry.path.move.VirtualTime;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Links between nodes of a test. A message takes a millisecond; a request waits while the nodes are
 * cut from each other; single requests can be held, and answers lost.
 */
final class Wire {
  /** What was sent, in order. */
  record Sent(
      String from, String to, Op op, Priority priority, long epoch, long offset, long length) {}

  /** Who answers. */
  interface Service {
    /** Null where there is none now. */
    @Nullable CompletableFuture<LinkReply> serve(String from, String to, LinkRequest r, Priority p);

    /** Whether a node is there. */
    boolean runs(String node);
  }

  private final class Call {
    final Sent sent;
    final LinkRequest request;
    final Priority priority;
    final CompletableFuture<LinkReply> result = new CompletableFuture<>();
    private boolean begun;

    Call(Sent sent, LinkRequest request, Priority priority) {
      this.sent = sent;
      this.request = request;
      this.priority = priority;
    }

    void arrive() {
      if (result.isDone()) {
        return; // withdrawn
      }
      if (held.contains(sent.op) || isCut(sent.from, sent.to)) {
        waiting.add(this);
        return;
      }
      CompletableFuture<LinkReply> answer = service.serve(sent.from, sent.to, request, priority);
      if (answer == null) {
        waiting.add(this);
        return;
      }
      begun = true;
      boolean lost = losing.remove(sent.op);
      answer.whenComplete(
          (reply, failure) -> {
            request.payload().release();
            time.schedule(() -> back(reply, lost), 1, TimeUnit.MILLISECONDS);
          });
    }

    private void back(LinkReply reply, boolean lost) {
      if (answersHeld.contains(sent.op)
          && !atOnce.contains(sent.to)
          && !atOnce.contains(sent.from)) {
        answers.add(() -> back(reply, lost));
        return;
      }
      if (lost || !result.complete(reply)) {
        reply.payload().release();
      }
    }

    void tooLate() {
      if (result.completeExceptionally(
              new LinkException("node " + sent.to + " did not answer in time", !begun))
          && !begun) {
        waiting.remove(this);
        request.payload().release();
      }
    }
  }

  private final VirtualTime time;
  private final Service service;
  private final List<Call> waiting = new ArrayList<>();
  private final Set<Set<String>> cuts = new HashSet<>();
  private final Set<Op> held = new HashSet<>();
  private final List<Op> losing = new ArrayList<>();
  private final Set<Op> answersHeld = new HashSet<>();
  private final Set<String> atOnce = new HashSet<>();
  private final List<Runnable> answers = new ArrayList<>();
  private final List<Sent> sent = new ArrayList<>();

  Wire(VirtualTime time, Service service) {
    this.time = time;
    this.service = service;
  }

  private boolean isCut(String one, String other) {
    return cuts.contains(Set.of(one, other));
  }

  void cut(String one, String other) {
    cuts.add(Set.of(one, other));
  }

  void mend(String one, String other) {
    cuts.remove(Set.of(one, other));
    goOn();
  }

  /** Requests of an operation wait on their way until {@link #pass}. */
  void hold(Op op) {
    held.add(op);
  }

  void pass(Op op) {
    held.remove(op);
    goOn();
  }

  /** The next request of an operation is served, and the answer never comes. */
  void loseAnswer(Op op) {
    losing.add(op);
  }

  /** Answers to an operation wait on their way until {@link #passAnswers}. */
  void holdAnswers(Op op) {
    answersHeld.add(op);
  }

  /** What a node answers, or is answered, does not wait. */
  void passAnswersOf(String node) {
    atOnce.add(node);
  }

  void passAnswers() {
    answersHeld.clear();
    List<Runnable> all = List.copyOf(answers);
    answers.clear();
    all.forEach(Runnable::run);
  }

  /** What waits is tried again. */
  void goOn() {
    List<Call> all = List.copyOf(waiting);
    waiting.clear();
    all.forEach(Call::arrive);
  }

  List<Sent> sent(Op op) {
    return sent.stream().filter(s -> s.op == op).toList();
  }

  /** Bytes that were asked for by an operation. */
  long bytes(Op op) {
    return sent(op).stream().mapToLong(Sent::length).sum();
  }

  void forget() {
    sent.clear();
  }

  /** Sends a request that no engine made. */
  CompletableFuture<LinkReply> call(
      String from, String to, LinkRequest request, Priority priority, Duration limit) {
    return call(from, to, request, priority, limit, new CompletableFuture<>());
  }

  private CompletableFuture<LinkReply> call(
      String from,
      String to,
      LinkRequest request,
      Priority priority,
      Duration limit,
      CompletableFuture<Void> withdrawal) {
    Sent s =
        new Sent(
            from, to, request.op(), priority, request.epoch(), request.offset(), request.length());
    sent.add(s);
    // The sender's memory may be reused once the payload is the link's.
    ByteBuf copy = Unpooled.wrappedBuffer(ByteBufUtil.getBytes(request.payload()));
    request.payload().release();
    Call call = new Call(s, request.withPayload(copy), priority);
    time.schedule(call::arrive, 1, TimeUnit.MILLISECONDS);
    time.schedule(call::tooLate, limit.toNanos(), TimeUnit.NANOSECONDS);
    withdrawal.thenRun(call::tooLate);
    return call.result;
  }

  /** The links of a node to those that it was told of. */
  Links of(String node, Set<String> known) {
    return new Links() {
      @Override
      public Optional<Link> to(String other) {
        return known.contains(other) ? Optional.of(new End(node, other)) : Optional.empty();
      }

      @Override
      public List<String> nodes() {
        return known.stream().filter(service::runs).toList();
      }
    };
  }

  private final class End implements Link {
    private final String from;
    private final String to;

    End(String from, String to) {
      this.from = from;
      this.to = to;
    }

    @Override
    public String node() {
      return to;
    }

    @Override
    public boolean isUp() {
      return !isCut(from, to);
    }

    @Override
    public long roundTripNanos() {
      return 2_000_000;
    }

    @Override
    public CompletableFuture<LinkReply> call(LinkRequest r, Priority priority, Duration limit) {
      return Wire.this.call(from, to, r, priority, limit);
    }

    @Override
    public CompletableFuture<LinkReply> call(
        LinkRequest r, Priority priority, Duration limit, CompletableFuture<Void> withdrawal) {
      return Wire.this.call(from, to, r, priority, limit, withdrawal);
    }
  }
}
