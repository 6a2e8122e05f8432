package dev.wherry.path.shared.model;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.VolumeState;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.Source;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** One run of the model: everything that happens follows from the seed. */
final class Schedule implements SimLog.Judge {
  /** Longest that anything may take once nothing goes wrong any more, in virtual time. */
  private static final long MOST_AFTER_THE_END = 100_000;

  static final long PATIENCE = 60_000_000_000L;

  private static final long MOST_EVENTS = 3_000_000;

  private final long seed;
  private final boolean harsh;
  private final Engine engine;
  private final Simulation simulation;
  private final Settings settings;
  private final Hazards hazards;
  private final Cells cells;
  private final Log log;
  private final Oracle oracle;
  private final SourceWatch sources;
  private final Network network;
  private final Accidents accidents;
  private final Operator operator;
  private final @Nullable NbdServer server;
  private final Map<String, Node> nodes = new TreeMap<>();
  private final Map<Long, String> owners = new TreeMap<>();
  private final Set<HostOp> pending = new LinkedHashSet<>();
  private final List<HostOp> doubtful = new ArrayList<>();
  private int requests;
  private int operations;
  private boolean finishing;

  Schedule(long seed, Engine engine) {
    this(seed, engine, false);
  }

  /**
   * @param harsh with accidents at every turn
   */
  Schedule(long seed, Engine engine, boolean harsh) {
    this.seed = seed;
    this.harsh = harsh;
    this.engine = engine;
    this.simulation = new Simulation(seed);
    this.hazards = Hazards.of(seed);
    Settings drawn = Settings.of(simulation.random());
    Settings used = hazards.server() ? drawn.writing(hazards.write()) : drawn;
    this.settings = harsh ? used.harsh() : used;
    this.cells = settings.cells();
    this.log = new Log(simulation);
    this.oracle = new Oracle(cells);
    this.sources = new SourceWatch(this);
    this.accidents = new Accidents(this);
    this.network = new Network(simulation, settings, accidents, log);
    this.operator = new Operator(this);
    this.server = hazards.server() && engine.hasMaps() ? new NbdServer(this) : null;
    for (String name : List.of("a", "b", "c").subList(0, settings.nodes())) {
      Node node = new Node(name, this);
      nodes.put(name, node);
      network.add(name, node);
    }
  }

  Simulation simulation() {
    return simulation;
  }

  Settings settings() {
    return settings;
  }

  Hazards hazards() {
    return hazards;
  }

  /** The plain NBD server that the volume's blocks come from at first, or null. */
  @Nullable NbdServer server() {
    return server;
  }

  Cells cells() {
    return cells;
  }

  Log log() {
    return log;
  }

  Oracle oracle() {
    return oracle;
  }

  SourceWatch sources() {
    return sources;
  }

  Accidents accidents() {
    return accidents;
  }

  Network network() {
    return network;
  }

  Engine engine() {
    return engine;
  }

  boolean finishing() {
    return finishing;
  }

  Operator operator() {
    return operator;
  }

  List<Node> nodes() {
    return List.copyOf(nodes.values());
  }

  Node node(String name) {
    Node node = nodes.get(name);
    if (node == null) {
      throw new Violation("there is no node " + name);
    }
    return node;
  }

  SimLog log(Life life, NodeDisk disk) {
    return new SimLog(life, disk, engine, settings, accidents, this);
  }

  /** Opens a source that is no node. */
  CompletableFuture<Source> open(Life life, String uri) {
    return server == null || !uri.equals(NbdServer.URI)
        ? CompletableFuture.failedFuture(new IllegalStateException(uri))
        : server.open(life);
  }

  /** The nodes that have a part in the volume. */
  List<String> members() {
    return nodes().stream().filter(n -> n.disk().state != null).map(Node::name).toList();
  }

  // ------------------------------------------------------------------ the run

  /** What is on its way comes to its end, and lets go of its buffers. */
  private void abandon() {
    finishing = true;
    accidents.end();
    network.healAll();
    nodes.values().stream().filter(Node::running).forEach(n -> n.kill("abandoned"));
    long most = simulation.executed() + MOST_AFTER_THE_END;
    boolean more = true;
    while (more && simulation.executed() < most) {
      try {
        more = simulation.step();
      } catch (Violation v) {
        // What is known by now is told again.
        more = true;
      }
    }
  }

  /** Runs it. Fails with an {@link AssertionError} that has the history and how to replay it. */
  void run() {
    try {
      begin();
      until("hosts end", () -> requests >= settings.requests() && pending.isEmpty(), PATIENCE * 10);
      quiet();
      expectOneOwner();
      sources.expectToFollow();
      readAll("at the end");
      loseEverything();
      oracle.judge();
      closeAll();
    } catch (Violation v) {
      abandon();
      throw new AssertionError(
          "seed "
              + seed
              + ": "
              + v.getMessage()
              + "\n"
              + settings
              + " "
              + hazards
              + "\n"
              + log.last(
                  Integer.getInteger("model.lines", 60), Integer.getInteger("model.cell", v.cell()))
              + "\nreplay: mvn -B -o -pl path-plugins -am -Dtest=ModelTest"
              + " -Dsurefire.failIfNoSpecifiedTests=false"
              + (harsh ? " -Dmodel.harsh=true" : "")
              + " -Dmodel.seed="
              + seed
              + " test",
          v.getCause() == null ? v : v.getCause());
    }
  }

  private void begin() {
    Node first = node("a");
    NodeDisk disk = first.disk();
    disk.platter = new Platter(cells);
    disk.state =
        ShareState.alone("a")
            .withPolicies(settings.read(), settings.write(), settings.ranges(), settings.manual());
    owners.put(1L, "a");
    operator.noteDisposable(settings.read(), settings.ranges());
    if (server != null) {
      age(server.platter());
      emulate(disk);
    } else if (settings.aged()) {
      age(disk.platter);
    }
    accidents.plan();
    operator.plan();
    first.shared(true);
    nodes.values().forEach(Node::start);
  }

  /** All of the volume is on the server. */
  private void emulate(NodeDisk disk) {
    disk.state = disk.state.withSources(NbdServer.URI, null, 1);
    SimMapFile file = new SimMapFile();
    disk.maps.put(1L, file);
    Life before = new Life(simulation, "a", 0, disk.boot());
    CompletableFuture<Void> made =
        engine
            .createMap(before, file.open(before, accidents, disk), settings, BlockMap.NOT_HERE)
            .thenCompose(BlockMap::close);
    until("the map is made", made::isDone, PATIENCE);
    sources.oracle().owned(NbdServer.URI);
  }

  private void age(Platter platter) {
    Life before = new Life(simulation, "a", 0, node("a").disk().boot());
    for (int i = simulation.between(1, 6); i > 0; i--) {
      int from = simulation.between(0, cells.count());
      int end = Math.min(cells.count(), from + simulation.between(1, 200));
      HostOp op = begin(before, HostOp.Kind.WRITE, from, end, true);
      for (int c = from; c < end; c++) {
        byte[] bytes = new byte[cells.end(c) - cells.start(c)];
        cells.fill(bytes, 0, c, op.number);
        platter.write(cells.start(c), bytes, true);
      }
      op.ok = true;
      op.over = true;
      op.ended = simulation.tick();
      pending.remove(op);
    }
  }

  void until(String what, BooleanSupplier condition, long patience) {
    long end = simulation.now() + patience;
    long events = simulation.executed();
    while (!condition.getAsBoolean()) {
      if (!simulation.step() || simulation.now() > end) {
        throw new Violation("stuck: " + what + "; waiting: " + pending + " " + states());
      }
      if (simulation.executed() - events > MOST_EVENTS) {
        throw new Violation("it runs in circles: " + what + " " + states());
      }
    }
  }

  private String states() {
    StringBuilder text = new StringBuilder();
    nodes.forEach(
        (n, node) ->
            text.append("; ")
                .append(n)
                .append(": ")
                .append(Node.brief(node.disk().state))
                .append(node.ready() ? "" : " (down)"));
    return text.toString();
  }

  /** No accidents any more: everything comes to an end. */
  private void quiet() {
    finishing = true;
    log.note("quiet");
    accidents.end();
    simulation.mend();
    if (settings.storeErrors() > 0) {
      // A volume that has failed is opened anew.
      nodes.values().stream().filter(Node::running).forEach(n -> n.kill("in the end"));
    }
    network.healAll();
    network.reconnect();
    startServer();
    nodes.values().forEach(Node::start);
    until("all come to rest", () -> pending.isEmpty() && operator.idle() && allAtRest(), PATIENCE);
  }

  private void startServer() {
    if (server != null) {
      server.start();
    }
  }

  private boolean allAtRest() {
    return nodes().stream().filter(Node::owns).count() == 1
        && nodes().stream().allMatch(this::atRest);
  }

  private boolean atRest(Node node) {
    if (!node.ready()) {
      return false;
    }
    ShareState state = node.disk().state;
    return state == null || !state.wanted() || isLetGo();
  }

  /**
   * Whether the owner has let go of the node, which was not told, and is plain since: the node asks
   * for ever, until whoever unshared it does so again.
   */
  private boolean isLetGo() {
    return hazards.plain()
        && operator.unshared()
        && nodes().stream()
            .filter(Node::owns)
            .allMatch(n -> n.part() == null && n.disk().state.members().isEmpty());
  }

  private void expectOneOwner() {
    List<String> owning = nodes().stream().filter(Node::owns).map(Node::name).toList();
    if (owning.size() != 1) {
      throw new Violation("owners in the end: " + owning + states());
    }
  }

  private void readAll(String when) {
    log.note("reads of all, " + when);
    for (Node node : nodes()) {
      if (node.volume() != null && node.shared() && !fenced(node)) {
        int step = simulation.between(32, 128);
        Life life = node.lives().get(node.lives().size() - 1);
        for (int from = 0; from < cells.count(); from += step) {
          int end = Math.min(cells.count(), from + step);
          HostOp op = begin(life, HostOp.Kind.READ, from, end, false);
          new Host(this, node, life).run(op, node.volume());
        }
      }
    }
    until("reads " + when, pending::isEmpty, PATIENCE);
  }

  static boolean fenced(Node node) {
    return node.disk().state != null && node.disk().state.fence() != null;
  }

  /** What was flushed is there after all have lost their power. */
  private void loseEverything() {
    List<Node> able =
        nodes().stream().filter(n -> n.volume() != null && n.shared() && !fenced(n)).toList();
    if (able.isEmpty()) {
      return;
    }
    Node node = able.get(simulation.random().nextInt(able.size()));
    Life life = node.lives().get(node.lives().size() - 1);
    HostOp flush = begin(life, HostOp.Kind.FLUSH, 0, cells.count(), false);
    new Host(this, node, life).run(flush, node.volume());
    until("last flush", pending::isEmpty, PATIENCE);
    nodes.values().forEach(n -> n.losePower("in the end"));
    if (server != null) {
      server.die(true);
    }
    startServer();
    nodes.values().forEach(Node::start);
    until("restart", this::allAtRest, PATIENCE);
    expectOneOwner();
    readAll("after the last power loss");
    sources.judge("after the last power loss");
  }

  private void closeAll() {
    List<CompletableFuture<Void>> closed = nodes().stream().map(Node::close).toList();
    until("close", () -> closed.stream().allMatch(CompletableFuture::isDone), PATIENCE);
    List<Life> lives = nodes().stream().flatMap(n -> n.lives().stream()).toList();
    long end = simulation.now() + 15_000_000_000L;
    while (simulation.now() < end && simulation.step()) {
      if (simulation.executed() > 4 * MOST_EVENTS) {
        throw new Violation("it runs in circles after it was closed");
      }
    }
    lives.forEach(Life::expectNoBuffers);
    lives.forEach(this::expectNoConnections);
  }

  private void expectNoConnections(Life life) {
    long left = server == null ? 0 : server.connections(life);
    if (left > 0) {
      throw new Violation(life + " has " + left + " connections to the NBD server after its end");
    }
  }

  // ------------------------------------------------------------------ hosts

  /** The volume of a node has come: its hosts begin. */
  void attach(Node node) {
    Life life = node.life();
    if (life != null && node.volume() != null && node.shared() && !finishing) {
      for (int i = 0; i < settings.hosts() * settings.slots(); i++) {
        new Host(this, node, life).think();
      }
    }
  }

  boolean takeRequest() {
    if (finishing || requests >= settings.requests()) {
      return false;
    }
    requests++;
    if (requests % 8 == 0) {
      sources.judge("at request " + requests);
    }
    accidents.requests(requests);
    operator.requests(requests);
    return true;
  }

  HostOp begin(Life life, HostOp.Kind kind, int from, int end, boolean fua) {
    HostOp op =
        new HostOp(++operations, life, kind, from, end, fua, simulation.tick(), simulation.now());
    op.fenced = operator.elsewhere(life.node());
    pending.add(op);
    oracle.begins(op);
    log.note(from, end, op);
    return op;
  }

  void found(HostOp op, int cell, int stamp) {
    log.found(op, cell, stamp);
    oracle.found(op, cell, stamp);
  }

  void end(HostOp op, Node node, @Nullable Throwable thrown) {
    if (op.over) {
      return;
    }
    pending.remove(op);
    op.over = true;
    Throwable failure = thrown instanceof CompletionException c ? c.getCause() : thrown;
    if (failure instanceof Violation v) {
      simulation.report(v);
    }
    if (failure == null) {
      op.ok = true;
      op.ended = op.ended == Long.MAX_VALUE ? simulation.tick() : op.ended;
      if (op.kind == HostOp.Kind.FLUSH && !op.fenced) {
        oracle.covers(op.began, op.ended, op.life);
      }
      log.note(op.from, op.end, op.life + " done " + op.number);
      sources.answered(op, node);
      return;
    }
    if (op.kind == HostOp.Kind.FLUSH) {
      oracle.refused(op.began, simulation.tick(), op.life);
    }
    op.error = NbdException.errorOf(failure);
    op.ended = Long.MAX_VALUE;
    op.overNanos = simulation.now();
    doubtful.add(op);
    log.note(op.from, op.end, op.life + " failed " + op.number + ": " + failure);
    if (!allowed(op, node, op.error)) {
      throwLater(new Violation(op + " failed: " + failure, op.from, failure));
    }
    if (node.volume() != null
        && node.volume().state() == VolumeState.FAILED
        && !fenced(node)
        && !finishing) {
      if (settings.storeErrors() == 0 && !operator.forced()) {
        throwLater(new Violation("the volume of " + node.name() + " failed, and no store did"));
      }
      accidents.restart(node, "its volume has failed");
    }
  }

  void throwLater(Violation violation) {
    simulation.report(violation);
  }

  private boolean allowed(HostOp op, Node node, NbdError error) {
    long took = simulation.now() - op.beganNanos;
    return took >= settings.ioTimeout().toNanos() * 95 / 100
        || op.fenced
        || operator.forced()
        || (settings.storeErrors() > 0 && error == NbdError.EIO)
        || (error == NbdError.ENOSPC
            && (op.changes() || op.kind == HostOp.Kind.FLUSH)
            && accidents.lackedRoom(op.beganNanos))
        || operator.unshared()
        || node.volume() == null
        || node.volume().state() != VolumeState.ONLINE
        || (op.kind == HostOp.Kind.FLUSH && error == NbdError.EIO && oracle.mayRefuse(op))
        || (error == NbdError.EIO
            && oracle.disposable(op)
            && (op.kind == HostOp.Kind.READ || op.kind == HostOp.Kind.STATUS));
  }

  /** A daemon is dead: what its hosts asked for is in doubt. */
  void died(Life life) {
    // Who passed a request on asks the next life of the one that it was passed to.
    long recently = simulation.now() - 2 * settings.ioTimeout().toNanos();
    doubtful.removeIf(op -> op.overNanos < recently);
    doubtful.forEach(op -> op.repeated = true);
    for (HostOp op : List.copyOf(pending)) {
      if (op.life == life) {
        pending.remove(op);
        op.over = true;
        op.ended = Long.MAX_VALUE;
        op.overNanos = simulation.now();
        doubtful.add(op);
        log.note(op.from, op.end, "in doubt: " + op);
      } else {
        op.repeated = true;
      }
    }
  }

  // ------------------------------------------------------------------ states

  @Override
  public void note(String what) {
    log.note("    " + what);
  }

  @Override
  public void putting(Life life, ShareState state) {
    ShareState before = node(life.node()).disk().state;
    if (state.role() == Role.OWNER
        && state.epoch() >= Operator.FORCED
        && (before == null || before.epoch() < state.epoch())) {
      sources.forced();
      operator.takenBy(life.node(), state.epoch());
    }
    if (state.role() == Role.FORMER && before != null && before.role() == Role.OWNER) {
      long now = simulation.tick();
      boolean asked = state.pledge() == null; // Else a crash kept a promise; nothing was flushed.
      if (asked) {
        oracle.covers(now, now, null);
      }
      if (!asked) {
        sources.oracle().owned(null);
      } else if (state.epoch() < Operator.FORCED) {
        sources.oracle().gaveAway(life.node(), now);
      }
    }
    if (state.role() == Role.OWNER && state.epoch() < Operator.FORCED && !operator.forced()) {
      sources.oracle().owned(SourceWatch.nameOf(state.source()));
    }
  }

  @Override
  public void put(Life life, @Nullable ShareState before, ShareState state) {
    log.note(life + " is " + Node.brief(state));
    if (before != null && state.epoch() < before.epoch()) {
      throwLater(new Violation(life + ": epoch " + before.epoch() + ", then " + state.epoch()));
    }
    if (state.role() != Role.OWNER || state.fence() != null) {
      return;
    }
    String other = owners.putIfAbsent(state.epoch(), life.node());
    if (other != null && !other.equals(life.node())) {
      throwLater(new Violation(other + " and " + life + " own epoch " + state.epoch()));
    }
    for (Node node : nodes()) {
      if (!node.name().equals(life.node()) && node.owns() && !operator.forced()) {
        throwLater(new Violation(life + " takes the ownership, and " + node.name() + " has it"));
      }
    }
  }
}
