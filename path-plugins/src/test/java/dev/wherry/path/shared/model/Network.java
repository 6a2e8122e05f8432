package dev.wherry.path.shared.model;

import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkException;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Links;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The links between all nodes. Messages take their time and overtake each other; while a link is
 * cut they wait, and are sent again when it is whole. A request is executed once in a life of the
 * node that it goes to; what a life left unanswered goes to the next one. What a dead life sent may
 * still arrive, but nothing that its next life sends does before that has ended.
 */
final class Network {
  /** A daemon, as the network sees it. */
  interface Peer {
    @Nullable Life life();

    CompletableFuture<LinkReply> serve(String from, LinkRequest request, Priority priority);

    void up(String node);
  }

  private final Simulation simulation;
  private final Settings settings;
  private final Faults faults;
  private final Log log;
  private final Map<String, Peer> peers = new TreeMap<>();
  private final Set<String> cuts = new HashSet<>();
  private final List<Call> open = new ArrayList<>();
  private final List<Call> executing = new ArrayList<>();
  private final Map<String, Integer> orphans = new TreeMap<>();

  Network(Simulation simulation, Settings settings, Faults faults, Log log) {
    this.simulation = simulation;
    this.settings = settings;
    this.faults = faults;
    this.log = log;
  }

  void add(String name, Peer peer) {
    peers.put(name, peer);
  }

  private static String pair(String a, String b) {
    return a.compareTo(b) < 0 ? a + b : b + a;
  }

  boolean isCut(String a, String b) {
    return cuts.contains(pair(a, b));
  }

  void cut(String a, String b) {
    if (cuts.add(pair(a, b))) {
      log.note("cut " + a + "-" + b);
    }
  }

  void heal(String a, String b) {
    if (cuts.remove(pair(a, b))) {
      log.note("heal " + a + "-" + b);
      connect(a, b);
    }
  }

  void healAll() {
    for (String a : peers.keySet()) {
      for (String b : peers.keySet()) {
        if (a.compareTo(b) < 0) {
          heal(a, b);
        }
      }
    }
  }

  /** All links break and come back. */
  void reconnect() {
    for (String a : peers.keySet()) {
      for (String b : peers.keySet()) {
        if (a.compareTo(b) < 0) {
          connect(a, b);
        }
      }
    }
  }

  /** A node is there again: what waits for it goes on. */
  void started(String node) {
    for (String other : peers.keySet()) {
      if (!other.equals(node)) {
        connect(node, other);
      }
    }
  }

  /** A node is dead: what it has not answered is asked again when it is back. */
  void died(Life life) {
    for (Call call : List.copyOf(executing)) {
      if (call.executor == life) {
        call.ended();
      } else if (call.from == life) {
        call.orphan = true;
        orphans.merge(call.route(), 1, Integer::sum);
      }
    }
    for (Call call : List.copyOf(open)) {
      if (call.from == life) {
        open.remove(call);
        call.result.completeExceptionally(new LinkException("dead", false));
      }
    }
  }

  private @Nullable Life life(String node) {
    Peer peer = peers.get(node);
    return peer == null ? null : peer.life();
  }

  private boolean connected(Life from, String to) {
    return life(from.node()) == from
        && life(to) != null
        && !isCut(from.node(), to)
        && orphans.getOrDefault(from.node() + ">" + to, 0) == 0;
  }

  private void connect(String a, String b) {
    if (life(a) == null || life(b) == null || isCut(a, b)) {
      return;
    }
    for (Call call : List.copyOf(open)) {
      if (pair(call.from.node(), call.to).equals(pair(a, b))) {
        call.send();
      }
    }
    tellUp(a, b);
    tellUp(b, a);
  }

  private void tellUp(String to, String of) {
    Life life = life(to);
    if (life == null) {
      return;
    }
    life.after(
        simulation.about(settings.linkNanos()),
        () -> {
          if (!life.dead() && connected(life, of)) {
            peers.get(to).up(of);
          }
        });
  }

  /** The links of one life of a node. */
  Links links(Life from) {
    return new Links() {
      @Override
      public java.util.Optional<Link> to(String node) {
        return link(from, node);
      }

      @Override
      public List<String> nodes() {
        return peers.keySet().stream().filter(n -> !n.equals(from.node())).toList();
      }
    };
  }

  /** One of them. */
  java.util.Optional<Link> link(Life from, String to) {
    return from.node().equals(to) || !peers.containsKey(to)
        ? java.util.Optional.empty()
        : java.util.Optional.of(new Line(from, to));
  }

  private final class Line implements Link {
    private final Life from;
    private final String to;

    Line(Life from, String to) {
      this.from = from;
      this.to = to;
    }

    @Override
    public String node() {
      return to;
    }

    @Override
    public boolean isUp() {
      return !from.dead() && connected(from, to);
    }

    @Override
    public long roundTripNanos() {
      return settings.linkNanos();
    }

    @Override
    public CompletableFuture<LinkReply> call(
        LinkRequest request, Priority priority, Duration limit) {
      return call(request, priority, limit, new CompletableFuture<>());
    }

    @Override
    public CompletableFuture<LinkReply> call(
        LinkRequest request,
        Priority priority,
        Duration limit,
        CompletableFuture<Void> withdrawal) {
      byte[] payload = ByteBufUtil.getBytes(request.payload());
      request.payload().release();
      Call call = new Call(from, to, request.withPayload(Unpooled.EMPTY_BUFFER), payload, priority);
      if (from.dead()) {
        call.result.completeExceptionally(new LinkException("dead", true));
        return call.result;
      }
      open.add(call);
      from.after(Math.max(0, limit.toNanos()), call::expire);
      call.send();
      withdrawal.thenRun(call::expire);
      return call.result;
    }
  }

  private final class Call {
    final Life from;
    final String to;
    final LinkRequest request;
    final byte[] payload;
    final Priority priority;
    final CompletableFuture<LinkReply> result = new CompletableFuture<>();
    boolean sent;
    boolean over;
    boolean orphan;
    int transmission;
    @Nullable Life executor;
    @Nullable LinkReply answer;
    byte[] answerPayload = new byte[0];

    Call(Life from, String to, LinkRequest request, byte[] payload, Priority priority) {
      this.from = from;
      this.to = to;
      this.request = request;
      this.payload = payload;
      this.priority = priority;
    }

    /** Sends it, or sends it again, or has the answer that is kept sent again. */
    void send() {
      if (over || from.dead() || !connected(from, to)) {
        return;
      }
      sent = true;
      int mine = ++transmission;
      simulation.after(simulation.about(settings.linkNanos()), () -> arrive(mine));
    }

    private void arrive(int mine) {
      Life target = life(to);
      if (over || mine != transmission || target == null || isCut(from.node(), to)) {
        return;
      }
      if (from.dead() && (life(from.node()) != null || simulation.chance(0.5))) {
        over = true;
        open.remove(this);
        return;
      }
      if (executor == target) {
        if (answer != null) {
          reply(target);
        }
        return;
      }
      executor = target;
      answer = null;
      trace("arrives");
      execute(target);
    }

    private void execute(Life target) {
      executing.add(this);
      ByteBuf lent =
          target.handOut(
              payload.length == 0 ? Unpooled.buffer(0) : Unpooled.copiedBuffer(payload),
              "the payload of " + request.op());
      CompletableFuture<LinkReply> served;
      try {
        served = peers.get(to).serve(from.node(), request.withPayload(lent), priority);
      } catch (RuntimeException e) {
        served = CompletableFuture.failedFuture(e);
      }
      served.whenComplete((r, t) -> served(target, lent, r, t));
    }

    private void served(
        Life target, ByteBuf lent, @Nullable LinkReply reply, @Nullable Throwable failure) {
      if (lent.refCnt() != 1) {
        simulation.report(
            new Violation(
                "the payload of "
                    + request.op()
                    + " has "
                    + lent.refCnt()
                    + " references at "
                    + target));
      }
      lent.release();
      LinkReply outcome =
          reply != null
              ? reply
              : LinkReply.error(
                  dev.wherry.nbd.NbdException.errorOf(
                      failure == null ? new IllegalStateException() : failure),
                  0,
                  String.valueOf(failure));
      byte[] bytes = ByteBufUtil.getBytes(outcome.payload());
      outcome.payload().release();
      if (target.dead() || executor != target) {
        return;
      }
      ended();
      faults.at(request.op() + " executed", target);
      if (over) {
        return;
      }
      answer =
          new LinkReply(
              outcome.status(),
              outcome.error(),
              outcome.epoch(),
              outcome.text(),
              Unpooled.EMPTY_BUFFER);
      answerPayload = bytes;
      reply(target);
    }

    /** Of what is about the ownership. */
    private void trace(String what) {
      if (request.op().code() >= Op.PREPARE.code()) {
        log.note(
            "    "
                + request.op()
                + " of "
                + from
                + " to "
                + to
                + ", epoch "
                + request.epoch()
                + ", "
                + what);
      }
    }

    /** It is not being executed any more. */
    void ended() {
      executing.remove(this);
      if (orphan) {
        orphan = false;
        if (orphans.merge(route(), -1, Integer::sum) == 0) {
          connect(from.node(), to);
        }
      }
    }

    String route() {
      return from.node() + ">" + to;
    }

    private void reply(Life target) {
      LinkReply reply = answer;
      byte[] data = answerPayload; // A later life may answer otherwise.
      if (reply == null || isCut(from.node(), to)) {
        return;
      }
      simulation.after(
          simulation.about(settings.linkNanos()),
          () -> {
            boolean lost = target.dead() && simulation.chance(0.5);
            // Nobody asks another life before all that came over the connection has been read.
            lost |= executor != target;
            if (over || from.dead() || isCut(from.node(), to) || lost) {
              return;
            }
            faults.at(request.op() + " answered", from);
            if (!from.dead()) {
              finish(reply, data);
            }
          });
    }

    private void finish(LinkReply reply, byte[] data) {
      over = true;
      open.remove(this);
      trace("is answered " + reply.status() + " " + reply.epoch() + " " + reply.text());
      ByteBuf bytes =
          from.handOut(Unpooled.copiedBuffer(data), "the payload of the answer to " + request.op());
      if (!result.complete(
          new LinkReply(reply.status(), reply.error(), reply.epoch(), reply.text(), bytes))) {
        bytes.release();
      }
    }

    private void expire() {
      if (!over) {
        over = true;
        open.remove(this);
        trace("is given up");
        result.completeExceptionally(
            new LinkException("no answer from " + to + " to " + request.op(), !sent));
      }
    }
  }
}
