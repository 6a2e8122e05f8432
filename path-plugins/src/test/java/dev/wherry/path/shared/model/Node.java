package dev.wherry.path.shared.model;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.TestPolicies;
import dev.wherry.path.Volume;
import dev.wherry.path.VolumeState;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.move.Mover;
import dev.wherry.path.shared.Lag;
import dev.wherry.path.shared.Parts;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareException;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.Unflushed;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A node with its daemon, which has one volume at most: what outlives it, and what runs now. */
final class Node implements Network.Peer {
  static final String SUID = "v";

  private final String name;
  private final Schedule schedule;
  private final NodeDisk disk;
  private final EngineSwaps swaps;
  private final List<Life> lives = new ArrayList<>();
  private @Nullable Life life;
  private @Nullable Part part;
  private @Nullable Volume volume;
  private @Nullable SimLog log;
  private boolean ready;
  private boolean removing;
  private Unflushed unflushed = new Unflushed();
  private boolean shared;
  private boolean starting;

  Node(String name, Schedule schedule) {
    this.name = name;
    this.schedule = schedule;
    this.disk = new NodeDisk(name);
    this.swaps = new EngineSwaps(this, schedule);
  }

  String name() {
    return name;
  }

  NodeDisk disk() {
    return disk;
  }

  List<Life> lives() {
    return lives;
  }

  /** The daemon, if it runs and has opened what it has. */
  @Override
  public @Nullable Life life() {
    return ready ? life : null;
  }

  boolean running() {
    return life != null;
  }

  boolean ready() {
    return ready;
  }

  @Nullable Part part() {
    return part;
  }

  /** Its volume has no engine any more. */
  void plain() {
    part = null;
    disk.maps.clear();
  }

  /** Takes the engine away from its volume, or puts it there. */
  EngineSwaps swaps() {
    return swaps;
  }

  @Nullable Volume volume() {
    return ready ? volume : null;
  }

  /** Its part in the volume is being taken away. */
  boolean removing() {
    return removing;
  }

  /** The owner knows of its part, or did: hosts may attach. */
  boolean shared() {
    return shared;
  }

  void shared(boolean value) {
    shared = value;
  }

  Role role() {
    ShareState state = disk.state;
    return state == null ? Role.STANDBY : state.role();
  }

  /** Whether it is the owner: what it has promised it has given away once it is dead. */
  boolean owns() {
    ShareState state = disk.state;
    return state != null
        && state.role() == Role.OWNER
        && state.fence() == null
        && (state.pledge() == null || (part != null && part.state().role() == Role.OWNER));
  }

  /**
   * Whether what was not flushed may be in its page cache, as far as it will know itself: one that
   * has promised the ownership does not remember whether it was flushed for it.
   */
  private boolean mayLose() {
    ShareState state = disk.state;
    boolean promised = state != null && state.pledge() != null;
    return owns() || (promised && schedule.nodes().stream().noneMatch(Node::owns));
  }

  // ------------------------------------------------------------------ start and end

  void start() {
    if (life != null) {
      return;
    }
    Life begun = new Life(schedule.simulation(), name, lives.size() + 1, disk.boot());
    lives.add(begun);
    life = begun;
    schedule.log().note("start " + begun + " " + brief(disk.state));
    unflushed = new Unflushed();
    ShareState state = disk.state;
    disk.maps.keySet().removeIf(n -> state == null || n != state.map());
    if (state == null) {
      opened(begun);
    } else {
      open(begun, state).whenComplete((v, t) -> openedOrNot(begun, t));
    }
  }

  private void openedOrNot(Life begun, @Nullable Throwable failure) {
    if (begun.dead()) {
      return;
    }
    if (failure != null && schedule.accidents().lackedRoom(schedule.simulation().now())) {
      schedule.accidents().restart(this, "there is no room to open its volume");
      return;
    }
    if (failure != null) {
      schedule
          .simulation()
          .report(new Violation(begun + " cannot open its volume: " + failure, -1, failure));
    }
    opened(begun);
  }

  private void opened(Life begun) {
    if (!begun.dead()) {
      ready = true;
      schedule.network().started(name);
      schedule.attach(this);
    }
  }

  private CompletableFuture<Void> open(Life begun, ShareState state) {
    SimLog log = schedule.log(begun, disk);
    SimDevice store = null;
    if (state.hasStore()) {
      if (disk.platter == null) {
        disk.platter = new Platter(schedule.cells());
      }
      store = new SimDevice(begun, disk.platter, schedule.settings(), disk);
    }
    SimDevice device = store;
    CompletableFuture<@Nullable BlockMap> map =
        state.map() == 0 || device == null || !schedule.engine().hasMaps()
            ? CompletableFuture.completedFuture(null)
            : log.open(state.map(), device.platter()).thenApply(m -> m);
    return map.thenAccept(m -> open(begun, state, log, device, m));
  }

  private void open(
      Life begun, ShareState state, SimLog log, @Nullable SimDevice store, @Nullable BlockMap map) {
    if (begun.dead()) {
      return;
    }
    if (schedule.hazards().plain() && store != null && EngineSwaps.isPlain(state)) {
      volume = new Volume(SUID, new EngineSwaps.Plain(store), schedule.simulation()::now);
      return;
    }
    Part opened = engine(begun, state, log, store, map);
    volume = new Volume(SUID, opened.handler(), schedule.simulation()::now);
  }

  /** Opens the engine, which is this node's part from now on. */
  Part engine(
      Life begun,
      ShareState state,
      SimLog log,
      @Nullable BlockDevice store,
      @Nullable BlockMap map) {
    Settings settings = schedule.settings();
    Part opened =
        schedule
            .engine()
            .open(
                new Parts(
                    SUID,
                    name,
                    store,
                    settings.size(),
                    settings.blockSize(),
                    map,
                    schedule.network().links(begun),
                    TestPolicies.SHIPPED,
                    uri -> schedule.open(begun, uri),
                    log,
                    begun.timer(),
                    schedule.simulation()::now,
                    settings.ioTimeout(),
                    settings.following(
                        disk.batch.open(begun, schedule.accidents(), settings, disk)),
                    begun.boot(),
                    unflushed),
                state);
    opened.pace(new Mover.Pace(Math.min(settings.pace(), 20_000_000), settings.pace()));
    part = opened;
    this.log = log;
    return opened;
  }

  /** Ends the daemon in the middle of whatever it does. */
  void kill(String why) {
    Life ended = life;
    if (ended == null) {
      return;
    }
    schedule.log().note("kill " + ended + " at " + why);
    boolean wasReady = ready;
    Volume old = volume;
    life = null;
    ready = false;
    part = null;
    volume = null;
    removing = false;
    swaps.ended();
    ended.die();
    schedule.network().died(ended);
    schedule.died(ended);
    if (wasReady && old != null) {
      ended.after(8_000_000_000L, old::close);
    }
    schedule.sources().judge("after the end of " + ended);
  }

  void losePower(String why) {
    boolean lossy = mayLose();
    kill("power loss, " + why);
    if (lossy) {
      schedule.oracle().loses(schedule.simulation().tick(), name);
    }
    schedule.sources().oracle().losesPower(name, schedule.simulation().tick());
    disk.losePower(schedule.simulation().random());
  }

  /** The daemon goes in peace. */
  CompletableFuture<Void> close() {
    Volume now = volume;
    ready = false;
    return now == null ? CompletableFuture.completedFuture(null) : now.close();
  }

  // ------------------------------------------------------------------ what the daemon does

  @Override
  public void up(String node) {
    Part now = part;
    if (now != null) {
      now.up(node);
    }
  }

  @Override
  public CompletableFuture<LinkReply> serve(String from, LinkRequest request, Priority priority) {
    Part now = part;
    if (request.op() == Op.SHARE) {
      return disk.state != null
          ? reply(LinkReply.not(Status.REFUSED, 0, "has it already"))
          : takePart(from, request.epoch());
    }
    if (now == null) {
      return reply(LinkReply.not(Status.UNKNOWN, 0, name + " has no " + request.suid()));
    }
    if (swaps.underWay()) {
      return reply(LinkReply.not(Status.REFUSED, 0, name + " is being changed"));
    }
    if (request.op() == Op.UNSHARE) {
      return dropPart();
    }
    if (request.op() == Op.BATCH_COMMIT) {
      schedule.sources().oracle().committing(name);
    }
    CompletableFuture<LinkReply> served = now.serve(from, request, priority);
    return switch (request.op()) {
      case STORE_WRITE, STORE_ZERO -> {
        schedule.sources().oracle().written(name);
        yield served;
      }
      case BATCH_COMMIT -> served.thenApply(this::committed);
      default -> served;
    };
  }

  private LinkReply committed(LinkReply reply) {
    if (reply.isOk() && ready) {
      schedule.sources().oracle().committed(name, schedule.simulation().tick());
      schedule.sources().judge("after a batch");
    }
    return reply;
  }

  /** How far the source is behind, where this node owns the volume. */
  @Nullable Lag lag() {
    Part now = part;
    return now == null || !ready || !owns() ? null : now.lag();
  }

  /**
   * What this node's store has of all cells.
   *
   * @return null where that is not known now: the daemon is down, or a batch is being applied
   */
  int @Nullable [] stamps() {
    ShareState state = disk.state;
    Platter platter = disk.platter;
    SimLog now = log;
    if (!ready || now == null || state == null || platter == null || !state.hasStore()) {
      return null;
    }
    BlockMap map = state.map() == 0 ? null : now.map(state.map());
    if (disk.batch.isBeingApplied() || (state.map() != 0 && map == null)) {
      return null;
    }
    return new Image(schedule.cells(), schedule.settings().blockSize(), platter, map).stamps();
  }

  private static CompletableFuture<LinkReply> reply(LinkReply reply) {
    return CompletableFuture.completedFuture(reply);
  }

  /** Becomes a standby, as the owner's daemon asks. */
  private CompletableFuture<LinkReply> takePart(String owner, long epoch) {
    Life now = life;
    Settings s = schedule.settings();
    if (starting || now == null) {
      return reply(LinkReply.not(Status.REFUSED, 0, "busy"));
    }
    starting = true;
    List<String> others = new ArrayList<>(schedule.members());
    others.remove(name);
    if (!others.contains(owner)) {
      others.add(owner);
    }
    ShareState state =
        ShareState.standby(owner, epoch, epoch)
            .withMembers(others)
            .withPolicies(s.read(), s.write(), s.ranges(), s.manual());
    SimLog log = schedule.log(now, disk);
    CompletableFuture<?> map =
        schedule.engine().hasMaps()
            ? log.create(epoch, BlockMap.NOT_HERE).thenCompose(BlockMap::close)
            : CompletableFuture.completedFuture(null);
    return map.thenCompose(v -> log.put(state))
        .thenCompose(v -> open(now, state))
        .whenComplete((v, t) -> starting = false)
        .thenApply(v -> LinkReply.ok(epoch));
  }

  /** Stops being a standby, as the owner's daemon asks. */
  private CompletableFuture<LinkReply> dropPart() {
    Volume old = volume;
    Life now = life;
    boolean released = role() == Role.FORMER && disk.state != null && !disk.state.hasStore();
    if ((role() != Role.STANDBY && !released)
        || old == null
        || now == null
        || old.state() != VolumeState.ONLINE
        || (part != null && part.state().wanted())) {
      return reply(LinkReply.not(Status.REFUSED, 0, name + " is " + role()));
    }
    removing = true;
    return old.close()
        .thenApply(
            v -> {
              ShareState state = disk.state;
              if (now.dead()) {
                return LinkReply.ok(0);
              }
              removing = false;
              boolean goes =
                  state != null
                      && (state.role() == Role.STANDBY
                          || (state.role() == Role.FORMER && !state.hasStore()));
              if (!goes || state.wanted()) {
                // It has taken the ownership in the last moment.
                kill("it must not be unshared");
                start();
                return LinkReply.not(Status.REFUSED, 0, name + " is " + brief(state));
              }
              shared = false;
              forgetLog();
              disk.removeAll();
              part = null;
              volume = null;
              // Its hosts are cut off; those that come when it has a part again have flushed
              // nothing.
              long cutOff = schedule.simulation().tick();
              schedule.oracle().refused(cutOff, cutOff, now);
              return LinkReply.ok(0);
            });
  }

  private void forgetLog() {
    if (log != null) {
      log.forget();
    }
  }

  /** What an operator asks for on this node, when it runs. */
  void ask(String what, Consumer<Part> action) {
    Part now = part;
    if (ready && now != null && !removing) {
      schedule.log().note(name + ": " + what);
      action.accept(now);
    }
  }

  /** What the daemon does after a release: the store is freed. */
  void released() {
    if (disk.platter != null && disk.state != null && !disk.state.hasStore()) {
      disk.platter.free();
      disk.platter = null;
    }
  }

  static ShareException refused(LinkReply reply) {
    return new ShareException(reply.status(), reply.text());
  }

  static String brief(@Nullable ShareState s) {
    return s == null
        ? "without a part"
        : s.role().label()
            + " owner="
            + s.owner()
            + " epoch="
            + s.epoch()
            + (s.losses() == 0 ? "" : " losses=" + s.losses())
            + " map="
            + s.map()
            + (s.wanted() ? " wanted" : "")
            + " source="
            + s.source()
            + (s.base() == null ? "" : " base=" + s.base())
            + " members="
            + s.members()
            + (s.hasStore() ? "" : " no store")
            + (s.fence() == null ? "" : " FENCED");
  }
}
