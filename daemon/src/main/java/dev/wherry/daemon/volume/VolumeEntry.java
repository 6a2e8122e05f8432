package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.nbd.server.ExportDirectory.Connection;
import dev.wherry.nbd.server.ExportStats;
import dev.wherry.path.Volume;
import dev.wherry.path.VolumeState;
import dev.wherry.path.shared.Divergence;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import dev.wherry.path.shared.Unflushed;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One volume as the registry has it. Reading is safe on any thread; changing wants {@link #begin}.
 */
public final class VolumeEntry {
  /** Longer than any housekeeping takes, which is bounded itself. */
  private static final Duration HOUSEKEEPING_LIMIT = Duration.ofSeconds(60);

  /** How long a command waits for another one, whose effect can be seen before its end. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final Operation operation = new Operation();
  private final Duration patience;
  private final Set<Object> sessions = ConcurrentHashMap.newKeySet();
  private final List<CompletableFuture<Void>> waiting = new ArrayList<>();
  private final Map<Long, Connection> connections = new ConcurrentHashMap<>();
  private final ExportStats stats = new ExportStats();
  private final Unflushed unflushed = new Unflushed();

  /** Done when the volume was opened, or could not be; never fails. */
  private final CompletableFuture<Void> opened = new CompletableFuture<>();

  private volatile VolumeRecord record;
  private volatile AccessList access;
  private volatile @Nullable ShareRecord share;
  private volatile @Nullable SharedVolume engine;
  private volatile @Nullable Volume volume;
  private volatile @Nullable String failure;
  private volatile @Nullable String rival;
  private volatile boolean visible;
  private volatile boolean leaving;

  VolumeEntry(VolumeRecord record, boolean visible) {
    this(record, visible, PATIENCE);
  }

  /**
   * @param patience how long a command waits for another one
   */
  VolumeEntry(VolumeRecord record, boolean visible, Duration patience) {
    this.record = record;
    this.patience = patience;
    this.access = AccessList.of(record.access());
    this.visible = visible;
  }

  public String suid() {
    return record.suid();
  }

  public VolumeRecord record() {
    return record;
  }

  public void record(VolumeRecord value) {
    access = AccessList.of(value.access());
    record = value;
  }

  /** What is known of its other nodes, or null where it never had any. */
  public @Nullable ShareRecord share() {
    return share;
  }

  public synchronized void share(@Nullable ShareRecord value) {
    share = value;
  }

  /** What its hosts have not flushed at other nodes, whichever engine it has. */
  public Unflushed unflushed() {
    return unflushed;
  }

  /** Another state of a share that there is. */
  public synchronized void share(ShareState state) {
    ShareRecord s = share;
    share = s == null ? null : s.withState(state);
  }

  /** Other options of a share that there is. */
  public synchronized void share(ShareRecord.Options options) {
    ShareRecord s = share;
    share = s == null ? null : s.withOptions(options);
  }

  /** What the engine put last, or null where it never had any other node. */
  public @Nullable ShareState shareState() {
    ShareRecord s = share;
    return s == null ? null : s.state();
  }

  /** The engine, or null where the volume is served by its plain handler, or not at all. */
  public @Nullable SharedVolume engine() {
    return engine;
  }

  /** Says what serves the volume; null when that is its plain handler again. */
  public void engine(@Nullable SharedVolume value) {
    engine = value;
  }

  AccessList access() {
    return access;
  }

  public ExportStats stats() {
    return stats;
  }

  public @Nullable Volume volume() {
    return volume;
  }

  public CompletableFuture<Void> opened() {
    return opened;
  }

  void open(Volume value) {
    failure = null;
    volume = value;
    visible = true;
    opened.complete(null);
  }

  /** It could not be opened. */
  void fail(String reason) {
    failure = reason;
    opened.complete(null);
  }

  /** It was closed in order to be deleted, and could not be. */
  void stay(String reason) {
    failure = reason;
    volume = null;
  }

  /** False while it is being created. */
  boolean visible() {
    return visible;
  }

  /** True from the start of its deletion on: nobody may attach or lead an alias to it. */
  public boolean leaving() {
    return leaving;
  }

  void leaving(boolean value) {
    leaving = value;
  }

  /** What operators see. */
  public String state() {
    Volume v = volume;
    if (fence() != null || broken() != null) {
      return "failed";
    }
    if (v == null) {
      return failure == null ? "suspended" : "failed";
    }
    return v.state() == VolumeState.CLOSED ? "failed" : v.state().label();
  }

  /** Why it is failed, or what is wrong with what is kept here, or missing; or null. */
  public @Nullable String reason() {
    Volume v = volume;
    String fence = fence();
    if (fence != null) {
      SharedVolume e = engine;
      Divergence only = e == null ? null : e.divergence();
      return only == null ? fence : fence + "; " + only;
    }
    if (v == null) {
      return failure;
    }
    Throwable broken = v.failure().orElse(broken());
    String why = broken == null ? null : Refusal.reason(broken);
    SharedVolume shared = engine;
    if (why != null || shared == null) {
      return why == null ? rival : why;
    }
    String damage = shared.damage();
    String wrong = damage == null ? shared.without() : damage;
    String other = shared.rival();
    return wrong == null || other == null ? (wrong == null ? other : wrong) : wrong + "; " + other;
  }

  /**
   * That another node says that it owns the volume, while this one has it for itself; null where
   * none has said so since this one started.
   */
  public @Nullable String rival() {
    return rival;
  }

  public void rival(String value) {
    rival = value;
  }

  /** Why the engine serves nobody; no host of this node may have noticed yet. */
  private @Nullable Throwable broken() {
    SharedVolume e = engine;
    return e == null ? null : e.failure();
  }

  private @Nullable String fence() {
    ShareState s = shareState();
    return s == null ? null : s.fence();
  }

  public boolean isFailed() {
    return state().equals("failed");
  }

  // Changes of one volume follow each other. The second command waits a while: what the first one
  // does may be seen, and be waited for, a moment before it has ended.

  /**
   * Begins what nobody asked for, such as opening a volume whose backing has come back.
   *
   * @return false if something else is under way
   */
  public boolean tryBegin(String what) {
    synchronized (operation) {
      return operation.begin(what, true);
    }
  }

  /**
   * Begins what a command asks for. It waits for what nobody asked for, which is short, and for
   * another command that is about to end: a command that comes in the middle of those does not fail
   * for it. Blocks.
   *
   * @throws Refusal if another command runs on
   */
  public void begin(String what) {
    synchronized (operation) {
      long begin = System.nanoTime();
      if (!operation.until(() -> operation.begin(what, false), () -> left(begin))) {
        throw busy();
      }
    }
  }

  /**
   * Waits until it is not being opened any more, and not suspended by somebody who changes it; no
   * longer than a command waits for another one. Not for whoever changes it. Blocks.
   */
  public void awaitServed() {
    long begin = System.nanoTime();
    opened.copy().completeOnTimeout(null, patience.toMillis(), TimeUnit.MILLISECONDS).join();
    operation.until(() -> !isBusy() || !state().equals("suspended"), () -> left(begin));
  }

  /** How long a command that began then waits yet for what is under way, in milliseconds. */
  private long left(long begin) {
    Duration limit = operation.background ? HOUSEKEEPING_LIMIT : patience;
    return TimeUnit.NANOSECONDS.toMillis(begin + limit.toNanos() - System.nanoTime());
  }

  private Refusal busy() {
    return Refusal.conflict("volume " + suid() + " is being " + operation.what);
  }

  /** Whether somebody changes it. */
  public boolean isBusy() {
    synchronized (operation) {
      return operation.what != null;
    }
  }

  public void end() {
    synchronized (operation) {
      operation.what = null;
      operation.notifyAll();
    }
  }

  /** What is under way; its own monitor guards it. */
  private static final class Operation {
    @Nullable String what;
    boolean background;

    /**
     * Waits until it is true, which is looked at whenever something has ended.
     *
     * @param left how many milliseconds to wait yet
     * @return false if it took too long
     */
    synchronized boolean until(BooleanSupplier done, LongSupplier left) {
      while (!done.getAsBoolean()) {
        long millis = left.getAsLong();
        if (millis <= 0) {
          return false;
        }
        try {
          wait(millis);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return false;
        }
      }
      return true;
    }

    boolean begin(String next, boolean nobodyAsked) {
      if (what != null) {
        return false;
      }
      what = next;
      background = nobodyAsked;
      return true;
    }
  }

  // Connections.

  void join(Object session) {
    sessions.add(session);
  }

  void attached(Connection connection) {
    connections.put(connection.peer().id(), connection);
  }

  void leave(Object session, @Nullable Connection connection) {
    if (connection != null) {
      connections.remove(connection.peer().id());
    }
    synchronized (sessions) {
      sessions.remove(session);
      if (sessions.isEmpty()) {
        waiting.forEach(f -> f.complete(null));
        waiting.clear();
      }
    }
  }

  /** Done when no session is left. */
  CompletableFuture<Void> alone() {
    CompletableFuture<Void> f = new CompletableFuture<>();
    synchronized (sessions) {
      if (sessions.isEmpty()) {
        f.complete(null);
      } else {
        waiting.add(f);
      }
    }
    return f;
  }

  public int sessions() {
    return sessions.size();
  }

  public List<Connection> connections() {
    return List.copyOf(connections.values());
  }
}
