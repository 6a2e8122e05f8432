package dev.wherry.path.shared.model;

import dev.wherry.path.fail.FailPolicy;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import dev.wherry.path.shared.RangePolicy;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** What operators ask for, at random times; that they are refused is no accident. */
final class Operator {
  /** The first epoch of an owner that was made so by force. */
  static final long FORCED = 65_536;

  private static final Duration LIMIT = Duration.ofSeconds(5);

  private final Schedule schedule;
  private final List<Integer> planned = new ArrayList<>();
  private int forceAt = Integer.MAX_VALUE;
  private @Nullable String usurper;

  /** The first epoch after the last forced change. */
  private long since;

  private int running;
  private boolean forcing;
  private boolean unshared;
  private @Nullable Life unsharing;
  private final Map<String, Integer> asked = new TreeMap<>();
  private int retireAt = Integer.MAX_VALUE;

  Operator(Schedule schedule) {
    this.schedule = schedule;
  }

  void plan() {
    Settings s = schedule.settings();
    for (int i = 0; i < s.actions(); i++) {
      planned.add(schedule.simulation().between(1, s.requests()));
    }
    if (s.forced()) {
      forceAt = s.requests() / 2;
    }
    Simulation simulation = schedule.simulation();
    if (schedule.hazards().plain()) {
      simulation.after(1, this::sweep);
      retireAt = simulation.between(s.requests() / 8, s.requests() / 2);
    }
    simulation.after(simulation.about(1_000_000), () -> shareAtLast("b"));
    if (s.nodes() > 2) {
      simulation.after(simulation.about(60_000_000), () -> shareAtLast("c"));
    }
  }

  void requests(int count) {
    if (count >= forceAt) {
      forceAt = Integer.MAX_VALUE;
      schedule.simulation().after(1, this::force);
    }
    if (count >= retireAt) {
      retireAt = Integer.MAX_VALUE;
      schedule.simulation().after(1, () -> retire(40));
    }
    while (planned.remove(Integer.valueOf(count))) {
      schedule.simulation().after(1, this::act);
    }
  }

  /** Nothing that was asked for is unanswered on a node that lives. */
  boolean idle() {
    return running == 0;
  }

  private Optional<Node> pick(Predicate<Node> which) {
    List<Node> found = schedule.nodes().stream().filter(n -> n.ready() && which.test(n)).toList();
    return found.isEmpty()
        ? Optional.empty()
        : Optional.of(found.get(schedule.simulation().random().nextInt(found.size())));
  }

  private void act() {
    switch (schedule.simulation().random().nextInt(12)) {
      case 0 -> pick(n -> n.disk().state == null).ifPresent(n -> share(n.name()));
      case 1 -> pick(n -> has(n, Role.STANDBY)).ifPresent(n -> unshare(n.name()));
      case 2, 3 -> pick(n -> has(n, Role.FORMER)).ifPresent(this::release);
      case 4, 5 -> pick(n -> has(n, Role.FORMER)).ifPresent(n -> giveBack(n.name()));
      case 6 -> pick(Node::owns).ifPresent(this::policies);
      default -> pick(n -> n.disk().state != null && !n.owns()).ifPresent(this::activate);
    }
  }

  /** Takes engines away that nobody needs, again and again. */
  private void sweep() {
    Simulation s = schedule.simulation();
    if (!schedule.finishing()) {
      schedule.nodes().forEach(n -> n.swaps().sweep());
      s.after(s.about(20_000_000), this::sweep);
    }
  }

  /** Has all other nodes give up their parts, as far as that can be; then shares it again. */
  private void retire(int times) {
    if (schedule.finishing() || times == 0) {
      return;
    }
    Simulation s = schedule.simulation();
    if (pick(n -> n.owns() && n.part() == null).isPresent()) {
      s.after(s.about(10_000_000), () -> shareAtLast("b"));
      return;
    }
    for (Node node : schedule.nodes()) {
      if (!node.ready() || isAsking(node.name())) {
        continue;
      }
      if (has(node, Role.STANDBY) || isReleased(node)) {
        unshare(node.name());
      } else if (has(node, Role.FORMER)) {
        release(node);
      }
    }
    s.after(1 + s.about(schedule.settings().linkNanos() * 10), () -> retire(times - 1));
  }

  private static boolean isReleased(Node node) {
    ShareState state = node.disk().state;
    return state != null && state.role() == Role.FORMER && !state.hasStore();
  }

  /** Something is under way that was asked of a node. */
  boolean isAsking(String node) {
    return asked.getOrDefault(node, 0) > 0;
  }

  private static boolean has(Node node, Role role) {
    return node.disk().state != null && node.disk().state.role() == role;
  }

  /** Follows what was asked for, as long as the node that it was asked of lives. */
  private void follow(String what, Node node, CompletableFuture<?> outcome, Runnable then) {
    Life life = node.life();
    if (life == null) {
      return;
    }
    running++;
    asked.merge(node.name(), 1, Integer::sum);
    boolean[] counted = {true};
    Runnable over =
        () -> {
          if (counted[0]) {
            counted[0] = false;
            running--;
            asked.merge(node.name(), -1, Integer::sum);
          }
        };
    life.atDeath(over);
    outcome.whenComplete(
        (v, t) -> {
          over.run();
          if (!life.dead()) {
            schedule.log().note(node.name() + ": " + what + (t == null ? " done" : ": " + t));
            if (t == null) {
              then.run();
            }
          }
        });
  }

  // ------------------------------------------------------------------ what they ask for

  private void share(String to) {
    Node owner = pick(Node::owns).orElse(null);
    if (owner == null) {
      return;
    }
    if (owner.name().equals(to)) {
      // Whoever shared it died before it was told so, and the part has become the owner's.
      joined(to);
      return;
    }
    if (owner.part() == null) {
      owner.swaps().engage().thenRun(() -> share(owner, to));
    } else {
      share(owner, to);
    }
  }

  private void share(Node owner, String to) {
    owner.ask(
        "share to " + to,
        part -> {
          CompletableFuture<Void> joined =
              ask(owner, to, Op.SHARE, part.state().epoch())
                  .thenCompose(
                      r -> r.isOk() || r.text().contains("already") ? part.join(to) : failed(r));
          follow("share to " + to, owner, joined, () -> joined(to));
        });
  }

  /** Shares it, again and again until that has worked. */
  private void shareAtLast(String to) {
    if (schedule.finishing() || schedule.node(to).shared()) {
      return;
    }
    share(to);
    schedule.simulation().after(300_000_000, () -> shareAtLast(to));
  }

  private void joined(String node) {
    Node joined = schedule.node(node);
    if (!joined.shared() && joined.disk().state != null) {
      joined.shared(true);
      schedule.attach(joined);
    }
  }

  /** A part was asked to go, or goes, while hosts of other nodes may be on their way to it. */
  boolean unshared() {
    return unshared;
  }

  private void unshare(String from) {
    unshared = true;
    // The daemon has one such command of a volume at a time.
    pick(n -> n.owns() && n.life() != unsharing)
        .ifPresent(
            owner ->
                owner.ask(
                    "unshare from " + from,
                    part -> {
                      // As the daemon does: a member until it says that it has no part.
                      CompletableFuture<Void> left =
                          part.leaving(from)
                              .thenCompose(v -> ask(owner, from, Op.UNSHARE, part.state().epoch()))
                              .handle(
                                  (r, failure) -> {
                                    if (r != null && (r.isOk() || r.status() == Status.UNKNOWN)) {
                                      return part.gone(from);
                                    }
                                    part.stays(from);
                                    return CompletableFuture.<Void>completedFuture(null);
                                  })
                              .thenCompose(v -> v);
                      unsharing = owner.life();
                      left.whenComplete((v, failure) -> unsharing = null);
                      follow("unshare from " + from, owner, left, () -> {});
                    }));
  }

  private CompletableFuture<LinkReply> ask(Node node, String to, Op op, long epoch) {
    Life life = node.life();
    if (life == null) {
      return CompletableFuture.failedFuture(new IllegalStateException("dead"));
    }
    return schedule
        .network()
        .link(life, to)
        .orElseThrow()
        .call(LinkRequest.of(op, Node.SUID, epoch, 0, 0), Priority.CONTROL, LIMIT)
        .thenApply(
            r -> {
              r.payload().release();
              return r;
            });
  }

  private static CompletableFuture<Void> failed(LinkReply reply) {
    return CompletableFuture.failedFuture(Node.refused(reply));
  }

  private void activate(Node node) {
    node.ask("activate", p -> follow("activate", node, p.activate(false), () -> {}));
  }

  private void release(Node node) {
    node.ask("release", p -> follow("release", node, p.release(), node::released));
  }

  private void giveBack(String to) {
    pick(Node::owns)
        .ifPresent(
            owner ->
                owner.ask(
                    "return to " + to,
                    part -> follow("return to " + to, owner, part.giveTo(to), () -> {})));
  }

  private void policies(Node owner) {
    Settings s = Settings.of(schedule.simulation().random());
    List<RangePolicy> ranges =
        Settings.ranges(
            schedule.simulation().random(),
            schedule.settings().blockSize(),
            schedule.settings().size());
    noteDisposable(s.read(), ranges);
    owner.ask(
        "policies " + s.read() + " " + s.write().label() + " " + ranges,
        p ->
            follow(
                "policies", owner, p.policies(s.read(), s.write(), ranges, s.manual()), () -> {}));
  }

  /** Takes note of what may be lost from now on. */
  void noteDisposable(String read, List<RangePolicy> ranges) {
    if (read.equals(FailPolicy.NAME)) {
      schedule.oracle().disposable(0, schedule.settings().size());
    }
    for (RangePolicy range : ranges) {
      if (range.policy().equals(FailPolicy.NAME)) {
        schedule.oracle().disposable(range.offset(), range.length());
      }
    }
  }

  // ------------------------------------------------------------------ by force

  boolean forced() {
    return forcing;
  }

  /** A node becomes the owner by force: what the old one has done since is nobody's business. */
  void takenBy(String node, long epoch) {
    usurper = node;
    since = epoch / FORCED * FORCED;
    schedule.oracle().loses(schedule.simulation().tick(), null);
  }

  /** Whether a node does not know yet that the ownership was taken by force. */
  boolean elsewhere(String node) {
    if (usurper == null || usurper.equals(node)) {
      return false;
    }
    ShareState state = schedule.node(node).disk().state;
    return state != null && state.epoch() < since;
  }

  private void force() {
    Optional<Node> target = pick(n -> has(n, Role.STANDBY) || has(n, Role.FORMER));
    Optional<Node> owner = schedule.nodes().stream().filter(Node::owns).findAny();
    if (target.isEmpty() || owner.isEmpty()) {
      return;
    }
    Node node = target.get();
    Node old = owner.get();
    if (!old.disk().state.members().contains(node.name())) {
      // It has been let go of and not told: what it has is a volume of its own.
      return;
    }
    Simulation s = schedule.simulation();
    goesAway(old, "the operator stops it");
    node.ask(
        "activate by force",
        p -> {
          forcing = true;
          follow("activate by force", node, p.activate(true), () -> {});
        });
    if (s.chance(0.7)) {
      s.after(s.about(1_000_000_000), () -> takeBack(8));
    }
  }

  /** A node is down for a while, or cannot be reached. */
  private void goesAway(Node gone, String why) {
    Simulation s = schedule.simulation();
    if (s.chance(0.5)) {
      gone.kill(why);
      s.after(s.about(500_000_000), gone::start);
    } else {
      for (Node other : schedule.nodes()) {
        if (other != gone) {
          schedule.network().cut(other.name(), gone.name());
        }
      }
      s.after(s.about(500_000_000), schedule.network()::healAll);
    }
  }

  /**
   * Who is fenced takes the ownership back, when the successor is lost; or seems to be, and comes
   * back all the same.
   */
  private void takeBack(int tries) {
    if (schedule.finishing() || tries == 0) {
      return;
    }
    Simulation s = schedule.simulation();
    Optional<Node> fenced = pick(Schedule::fenced);
    Optional<Node> owner = schedule.nodes().stream().filter(Node::owns).findAny();
    if (fenced.isPresent() && owner.isPresent()) {
      Node node = fenced.get();
      goesAway(owner.get(), "it is lost");
      s.after(
          s.about(2_000_000),
          () -> node.ask("take back", p -> follow("take back", node, p.activate(true), () -> {})));
    }
    s.after(s.about(500_000_000), () -> takeBack(tries - 1));
  }
}
