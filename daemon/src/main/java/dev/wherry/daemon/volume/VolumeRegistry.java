package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.catalog.VolumeRecord.State;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.nbd.server.ExportDirectory.Connection;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.DeviceException;
import dev.wherry.path.PathHandler;
import dev.wherry.path.Plugins;
import dev.wherry.path.Volume;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * All volumes of this node, and the steps that create and delete them.
 *
 * <h2>Crashes</h2>
 *
 * A volume with a file of its own is created in three durable steps: the record, CREATING; the
 * file; the record, READY. It is deleted in three: the record, DELETING; the file; no record. A
 * start undoes what stopped halfway through the first and finishes what stopped halfway through the
 * second, so a file without a record, or a record without its file, never stays. A backing that was
 * given is never removed.
 *
 * <h2>Threads</h2>
 *
 * Methods that change something block, for as long as devices take; they run on threads made for
 * that. The others do not block and are safe anywhere.
 */
public final class VolumeRegistry {
  /** How long a commit may take. */
  static final Duration COMMIT_LIMIT = Duration.ofSeconds(30);

  /** How long connections have to go when their volume is deleted. */
  private static final Duration DETACH_LIMIT = Duration.ofSeconds(15);

  private static final Logger log = LoggerFactory.getLogger(VolumeRegistry.class);

  private final Map<String, VolumeEntry> entries = new ConcurrentHashMap<>();
  private final Claims claims = new Claims();
  private final Object structure = new Object();
  private final DataDirectory data;
  private final Catalog catalog;
  private final Plugins plugins;
  private final VolumeOpener opener;
  private final Opening opening;
  private final VolumeSockets sockets;
  private final Clock clock;
  private final FaultPoints faults;
  private volatile SharedParts shared = SharedParts.NONE;

  /**
   * @param context makes what devices share, given the way to other volumes
   */
  public VolumeRegistry(
      DataDirectory data,
      Catalog catalog,
      Plugins plugins,
      Function<Function<String, Optional<Volume>>, DeviceContext> context,
      VolumeSockets sockets,
      Clock clock) {
    this(data, catalog, plugins, context, sockets, clock, FaultPoints.NONE);
  }

  VolumeRegistry(
      DataDirectory data,
      Catalog catalog,
      Plugins plugins,
      Function<Function<String, Optional<Volume>>, DeviceContext> context,
      VolumeSockets sockets,
      Clock clock,
      FaultPoints faults) {
    this.data = data;
    this.catalog = catalog;
    this.plugins = plugins;
    this.opener = new VolumeOpener(plugins, context.apply(this::volume));
    this.opening =
        new Opening(
            this::closeHandler,
            this::openHandler,
            claims,
            e -> entries.get(e.suid()) == e,
            this::opened);
    this.sockets = sockets;
    this.clock = clock;
    this.faults = faults;
  }

  /** Says who takes care of volumes that several nodes have; before {@link #start}. */
  public void shared(SharedParts value) {
    shared = value;
  }

  // ------------------------------------------------------------------ start and end

  /**
   * Cleans up after a crash and starts to open every volume. One that cannot be opened is listed as
   * failed, and tried again until it can or is deleted; one that takes long is listed as suspended
   * meanwhile, and whoever attaches it waits.
   *
   * @param threads run the opening and may block
   * @return done when every volume was tried once
   */
  public CompletableFuture<Void> start(Executor threads) {
    claims.reserve(data.own());
    List<CompletableFuture<Void>> all = new ArrayList<>();
    OrphanImages.warn(data, catalog.volumes());
    Map<String, ShareRecord> shares = new HashMap<>();
    catalog.shares().forEach(s -> shares.put(s.suid(), s));
    List<Path> swept = shared.sweep(catalog.shares());
    if (!swept.isEmpty()) {
      log.info("removed {} maps that belong to no volume", swept.size());
    }
    for (VolumeRecord record : catalog.volumes()) {
      if (record.state() != State.READY) {
        finish(record);
        continue;
      }
      VolumeEntry entry = new VolumeEntry(record, true);
      entry.share(shares.get(record.suid()));
      entries.put(record.suid(), entry);
      // What it is an alias of was created before it, and is in the list already.
      CompletableFuture<?>[] first =
          aliases(record).stream()
              .map(entries::get)
              .filter(e -> e != null)
              .map(VolumeEntry::opened)
              .toArray(CompletableFuture<?>[]::new);
      all.add(CompletableFuture.allOf(first).thenRunAsync(() -> opening.open(entry), threads));
    }
    return CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new));
  }

  /** Ends what was cut off; what cannot be ended is listed, so that it can be deleted later. */
  private void finish(VolumeRecord record) {
    log.info("volume {}: removing what is left of its {}", record.suid(), record.state());
    try {
      erase(record);
    } catch (RuntimeException e) {
      log.error("volume {} cannot be removed: {}", record.suid(), reason(e));
      VolumeEntry entry = new VolumeEntry(record, true);
      entry.leaving(true);
      entry.fail("it is not deleted yet: " + reason(e));
      entries.put(record.suid(), entry);
    }
  }

  /**
   * Flushes and closes every volume; no connection is left. Blocks.
   *
   * @return true if every flush succeeded
   */
  public boolean close(Duration limit) {
    opening.close();
    long end = System.nanoTime() + limit.toNanos();
    boolean clean = true;
    // Aliases before what they lead to, and aliases of aliases before those.
    List<VolumeEntry> order = new ArrayList<>(entries.values());
    order.sort(Comparator.comparingInt((VolumeEntry e) -> depth(e.record())).reversed());
    for (VolumeEntry e : order) {
      Volume v = e.volume();
      if (v == null) {
        continue;
      }
      Duration left = Duration.ofNanos(Math.max(1_000_000, end - System.nanoTime()));
      try {
        if (!e.isFailed() && !e.record().readOnly() && !forwards(e)) {
          Await.done(v.flush(), left, "flushing volume " + e.suid());
        }
        Await.done(v.close(), left, "closing volume " + e.suid());
        shared.closed(e);
      } catch (RuntimeException failure) {
        clean = false;
        log.error("volume {}: {}", e.suid(), reason(failure));
      }
    }
    return clean;
  }

  /** What hosts wrote is the owner's to keep. */
  private static boolean forwards(VolumeEntry e) {
    ShareState s = e.shareState();
    return s != null && s.role() != Role.OWNER;
  }

  // ------------------------------------------------------------------ opening and closing

  /** Puts the handler of a volume, plain or shared, on its devices. Blocks. */
  public PathHandler openHandler(VolumeEntry entry) {
    ShareState state = entry.shareState();
    VolumeRecord record = entry.record();
    if (state == null || ShareStates.isPlain(state)) {
      return opener.open(record);
    }
    if (!state.hasStore()) {
      freeStore(entry);
      return shared.open(entry, null);
    }
    PathHandler store = opener.open(record, false);
    try {
      return shared.open(entry, store);
    } catch (RuntimeException e) {
      opener.close(store);
      throw e;
    }
  }

  /** Closes a handler that is not used any more. Blocks. */
  public void closeHandler(VolumeEntry entry, BlockDevice handler) {
    opener.close(handler);
    shared.closed(entry);
  }

  /** Opens a device of a volume. Blocks. */
  public BlockDevice device(String suid, String spec, boolean readOnly) {
    return opener.device(suid, spec, readOnly);
  }

  /**
   * Opens what a volume's blocks come from: to be written, too, where that can be, since its write
   * policy may ask for that at any time. Never blocks.
   */
  public CompletableFuture<BlockDevice> opening(String suid, String spec) {
    return opener
        .opening(suid, spec, false)
        .handle(
            (device, failure) -> {
              if (failure == null) {
                return CompletableFuture.completedFuture(device);
              }
              Throwable t = failure instanceof CompletionException c ? c.getCause() : failure;
              return t instanceof DeviceException d
                      && d.reason() != DeviceException.Reason.UNAVAILABLE
                  ? opener.opening(suid, spec, true)
                  : CompletableFuture.<BlockDevice>failedFuture(failure);
            })
        .thenCompose(opening -> opening);
  }

  /**
   * Removes the store of a volume that keeps nothing here any more, and forgets it; a backing that
   * was given stays as it is. The store is closed. Blocks.
   */
  public void freeStore(VolumeEntry entry) {
    VolumeRecord record = entry.record();
    if (record.backing().isEmpty()) {
      return;
    }
    removeImages(record);
    shared.erase(record.suid());
    VolumeRecord without = record.withBacking(List.of());
    commit(catalog.put(without));
    entry.record(without);
    claims.release(record.suid());
  }

  /**
   * Makes a store for a volume that keeps nothing here, with hosts attached. Until its share says
   * that it has one, the next start frees it again. Refused without any effect. Blocks.
   *
   * @param maker makes the store and what lies beside it
   */
  public void giveStore(VolumeEntry entry, Backing store, Consumer<VolumeOpener> maker) {
    VolumeRecord with = entry.record().withBacking(List.of(store));
    requireAbsent(with);
    claims.take(with);
    try {
      commit(catalog.put(with));
      entry.record(with);
      maker.accept(opener);
      claims.take(with);
    } catch (RuntimeException e) {
      if (entry.record().equals(with)) {
        freeStore(entry);
      } else {
        claims.release(entry.suid());
      }
      throw e;
    }
  }

  /** A file of ours that is there and in no record may be all that is left of a volume. */
  private static void requireAbsent(VolumeRecord draft) {
    for (Backing b : draft.backing()) {
      if (b.managed() && Files.exists(Path.of(b.spec()))) {
        throw Refusal.conflict(b.spec() + " is there already; it is not overwritten");
      }
    }
  }

  // ------------------------------------------------------------------ looking

  /** All volumes, by name. */
  public List<VolumeEntry> list() {
    return entries.values().stream()
        .filter(VolumeEntry::visible)
        .sorted(Comparator.comparing(VolumeEntry::suid))
        .toList();
  }

  /** The volume, or a refusal. */
  public VolumeEntry get(String suid) {
    Suid.check(suid);
    return find(suid).orElseThrow(() -> Refusal.unknown(suid));
  }

  public Optional<VolumeEntry> find(String suid) {
    return Optional.ofNullable(entries.get(suid)).filter(VolumeEntry::visible);
  }

  /** The volume that an alias leads to, for {@link DeviceContext#volumes}. */
  public Optional<Volume> volume(String suid) {
    return find(suid).filter(e -> !e.leaving()).map(VolumeEntry::volume);
  }

  /** The volumes that cannot do without a node. */
  public List<String> needing(String node) {
    return entries.values().stream()
        .filter(e -> e.share() != null && ShareStates.needs(e.share().state(), node))
        .map(VolumeEntry::suid)
        .sorted()
        .toList();
  }

  /** It was failed, or not open yet, and is open now. */
  void opened(VolumeEntry entry) {
    sockets.open(entry.suid());
    opening.opened(entry);
  }

  /** For limits of time. */
  public ScheduledExecutorService scheduler() {
    return opener.scheduler();
  }

  VolumeOpener opener() {
    return opener;
  }

  public Catalog catalog() {
    return catalog;
  }

  Claims claims() {
    return claims;
  }

  // ------------------------------------------------------------------ create

  /** Makes a volume. Refused without any effect, or done and durable. Blocks. */
  public VolumeEntry create(CreateVolume wanted) {
    wanted.check();
    opener.checkHandler(wanted.handler());
    boolean own = wanted.backing().isEmpty();
    VolumeEntry entry = reserve(draft(wanted, own));
    MDC.put("suid", entry.suid());
    try {
      VolumeRecord record = entry.record();
      Volume volume = own ? createWithFile(entry) : createOver(entry, wanted);
      entry.open(volume);
      sockets.open(record.suid());
      log.info("volume {} created, {} bytes", record.suid(), entry.record().size());
      return entry;
    } catch (RuntimeException e) {
      entries.remove(entry.suid());
      claims.release(entry.suid());
      throw e;
    } finally {
      MDC.remove("suid");
      entry.end();
    }
  }

  /**
   * Makes a volume that is not plain from the start. Refused without any effect, or done and
   * durable. Blocks.
   *
   * @param draft CREATING; its backing is one file of ours, one that was given, or none
   * @param share its first state
   * @param maker makes the store and what lies beside it, on the thread that calls
   */
  public VolumeEntry create(VolumeRecord draft, ShareRecord share, Consumer<VolumeOpener> maker) {
    Suid.check(draft.suid());
    requireAbsent(draft);
    VolumeEntry entry = reserve(draft);
    entry.share(share);
    MDC.put("suid", entry.suid());
    try {
      commit(catalog.put(draft, share));
      faults.reach("create: recorded");
      try {
        maker.accept(opener);
        faults.reach("create: file made");
        claims.take(draft);
        PathHandler handler = openHandler(entry);
        VolumeRecord ready = draft.withState(State.READY);
        try {
          commit(catalog.put(ready));
        } catch (RuntimeException e) {
          closeHandler(entry, handler);
          throw e;
        }
        faults.reach("create: ready");
        entry.record(ready);
        entry.open(new Volume(draft.suid(), handler));
      } catch (RuntimeException e) {
        erase(draft);
        throw e;
      }
      sockets.open(draft.suid());
      log.info("volume {} created, {} bytes", draft.suid(), draft.size());
      return entry;
    } catch (RuntimeException e) {
      entries.remove(entry.suid());
      claims.release(entry.suid());
      throw e;
    } finally {
      MDC.remove("suid");
      entry.end();
    }
  }

  private VolumeRecord draft(CreateVolume wanted, boolean own) {
    List<Backing> backing =
        own
            ? List.of(new Backing(data.image(wanted.suid()).toString(), true))
            : wanted.backing().stream().map(spec -> new Backing(spec, false)).toList();
    Long size = wanted.size();
    return new VolumeRecord(
        wanted.suid(),
        size == null ? 0 : size,
        wanted.blockSize(),
        wanted.readOnly(),
        wanted.handler(),
        wanted.settings(),
        backing,
        List.of(),
        State.CREATING,
        clock.millis());
  }

  /** Takes the name and the backing, so that nobody else can while they are being made. */
  private VolumeEntry reserve(VolumeRecord draft) {
    synchronized (structure) {
      if (entries.containsKey(draft.suid())) {
        throw Refusal.conflict("volume " + draft.suid() + " exists");
      }
      for (String target : aliases(draft)) {
        VolumeEntry t = entries.get(target);
        if (t == null || !t.visible() || t.leaving()) {
          throw Refusal.impossible("backing wherry:" + target + ": there is no such volume");
        }
      }
      claims.take(draft);
      VolumeEntry entry = new VolumeEntry(draft, false);
      entry.begin("created");
      entries.put(draft.suid(), entry);
      return entry;
    }
  }

  private Volume createWithFile(VolumeEntry entry) {
    VolumeRecord draft = entry.record();
    Path file = Path.of(draft.backing().get(0).spec());
    if (Files.exists(file)) {
      throw Refusal.conflict(file + " is there already; it is not overwritten");
    }
    commit(catalog.put(draft));
    faults.reach("create: recorded");
    try {
      opener.create(file, draft.size());
      faults.reach("create: file made");
      claims.take(draft);
      PathHandler handler = opener.open(draft);
      VolumeRecord ready = draft.withState(State.READY);
      try {
        commit(catalog.put(ready));
      } catch (RuntimeException e) {
        opener.close(handler);
        throw e;
      }
      faults.reach("create: ready");
      entry.record(ready);
      return new Volume(draft.suid(), handler);
    } catch (RuntimeException e) {
      erase(draft);
      throw e;
    }
  }

  private Volume createOver(VolumeEntry entry, CreateVolume wanted) {
    VolumeRecord draft = entry.record();
    BlockDevice devices = opener.devices(draft);
    PathHandler handler = null;
    try {
      long size = wantedSize(wanted, devices);
      VolumeRecord ready = draft.withSize(size).withState(State.READY);
      handler = opener.handler(ready, devices);
      commit(catalog.put(ready));
      entry.record(ready);
      return new Volume(draft.suid(), handler);
    } catch (RuntimeException e) {
      opener.close(handler == null ? devices : handler);
      throw e;
    }
  }

  private static long wantedSize(CreateVolume wanted, BlockDevice devices) {
    long there = devices.info().size();
    long size = wanted.size() == null ? there : wanted.size();
    if (size > there) {
      throw Refusal.impossible(
          "size "
              + size
              + " of volume "
              + wanted.suid()
              + " is more than the "
              + there
              + " bytes of its backing "
              + String.join(" ", wanted.backing()));
    }
    if (size == 0) {
      throw Refusal.impossible("backing " + String.join(" ", wanted.backing()) + " is empty");
    }
    return size;
  }

  // ------------------------------------------------------------------ delete

  /** Removes a volume; with {@code force} also while hosts are attached. Blocks. */
  public void delete(String suid, boolean force) {
    delete(suid, force, e -> {});
  }

  /**
   * As {@link #delete(String, boolean)}.
   *
   * @param permits throws if the volume, which nobody else changes now, is not to be removed
   */
  public void delete(String suid, boolean force, Consumer<VolumeEntry> permits) {
    VolumeEntry entry = get(suid);
    entry.begin("deleted");
    MDC.put("suid", suid);
    try {
      permits.accept(entry);
      takeLeave(entry, force);
      try {
        VolumeRecord deleting = entry.record().withState(State.DELETING);
        commit(catalog.put(deleting));
        entry.record(deleting);
      } catch (RuntimeException e) {
        entry.leaving(entry.record().state() != State.READY);
        throw e;
      }
      faults.reach("delete: recorded");
      sockets.close(suid);
      SharedVolume engine = entry.engine();
      if (engine != null) {
        // What hosts and the move still wait for may be on a node that is gone for good.
        engine.giveUp();
      }
      detach(entry);
      Volume v = entry.volume();
      if (v != null) {
        Await.done(v.close(), DETACH_LIMIT, "closing volume " + suid);
        shared.closed(entry);
      }
      try {
        erase(entry.record());
      } catch (RuntimeException e) {
        entry.stay("it is not deleted yet: " + reason(e));
        throw e;
      }
      entries.remove(suid);
      claims.release(suid);
      log.info("volume {} deleted", suid);
    } finally {
      MDC.remove("suid");
      entry.end();
    }
  }

  private void takeLeave(VolumeEntry entry, boolean force) {
    synchronized (structure) {
      for (VolumeEntry other : entries.values()) {
        if (aliases(other.record()).contains(entry.suid())) {
          throw Refusal.conflict(
              "volume " + entry.suid() + " is what volume " + other.suid() + " is an alias of");
        }
      }
      if (entry.sessions() > 0 && !force) {
        throw Refusal.conflict(
            "volume "
                + entry.suid()
                + " has "
                + entry.sessions()
                + " connections; --force deletes it all the same");
      }
      entry.leaving(true);
    }
  }

  private static void detach(VolumeEntry entry) {
    entry.connections().forEach(Connection::abort);
    CompletableFuture<Void> alone = entry.alone();
    try {
      alone.get(DETACH_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      log.warn("volume {} is closed under {} connections", entry.suid(), entry.sessions());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (java.util.concurrent.ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Removes a volume's own files, then its record. */
  private void erase(VolumeRecord record) {
    removeImages(record);
    shared.erase(record.suid());
    faults.reach("erase: file removed");
    commit(catalog.remove(record.suid()));
  }

  private void removeImages(VolumeRecord record) {
    for (Backing b : record.backing()) {
      if (b.managed()) {
        Path file = Path.of(b.spec());
        if (!data.volumes().equals(file.getParent())) {
          throw new Refusal(
              Refusal.Kind.UNAVAILABLE,
              file + " is not removed: it is not in " + data.volumes() + " of this daemon");
        }
        try {
          BackingFile.delete(file);
        } catch (IOException e) {
          throw new Refusal(
              Refusal.Kind.UNAVAILABLE, b.spec() + " cannot be removed: " + e.getMessage());
        }
      }
    }
  }

  // ------------------------------------------------------------------ common

  public static void commit(CompletableFuture<Void> change) {
    Await.done(change, COMMIT_LIMIT, "the commit of the catalog");
  }

  /** How many volumes in a row it leads to: 0 for one that is no alias. There are no cycles. */
  private int depth(VolumeRecord record) {
    return aliases(record).stream()
        .map(entries::get)
        .filter(e -> e != null)
        .mapToInt(e -> 1 + depth(e.record()))
        .max()
        .orElse(0);
  }

  /** The volumes that this one leads to. */
  static List<String> aliases(VolumeRecord record) {
    return record.backing().stream()
        .map(Backing::spec)
        .filter(s -> s.startsWith("wherry:"))
        .map(s -> s.substring("wherry:".length()))
        .toList();
  }

  private static String reason(RuntimeException e) {
    return e.getMessage() == null ? e.toString() : e.getMessage();
  }

  /** Names of the handlers that there are. */
  public Iterable<String> handlers() {
    return plugins.handlerNames();
  }
}
