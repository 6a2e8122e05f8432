package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.catalog.VolumeRecord.State;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.Plugins;
import dev.wherry.path.Volume;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareState;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All volumes of this node, from the daemon's start to its end. What is asked of it is done by
 * parts of one task each: {@link VolumeTable} lists them, {@link Creation} and {@link Deletion} do
 * what they say, {@link Opening} opens those that there were before.
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
  private static final Logger log = LoggerFactory.getLogger(VolumeRegistry.class);

  private final DataDirectory data;
  private final Catalog catalog;
  private final VolumeSockets sockets;
  private final ForwardingParts shared = new ForwardingParts();
  private final Claims claims = new Claims();
  private final VolumeTable table = new VolumeTable(claims);
  private final VolumeOpener opener;
  private final VolumeStores stores;
  private final VolumeHandlers handlers;
  private final Opening opening;
  private final Creation creation;
  private final Deletion deletion;

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
    this.sockets = sockets;
    opener = new VolumeOpener(plugins, context.apply(table::volume));
    stores = new VolumeStores(data, catalog, opener, claims, shared, faults);
    handlers = new VolumeHandlers(opener, stores, shared);
    opening = new Opening(handlers::close, handlers::open, claims, table::has, this::opened);
    creation =
        new Creation(catalog, table, claims, opener, handlers, stores, sockets, clock, faults);
    deletion = new Deletion(catalog, table, stores, shared, sockets, faults);
  }

  /** Says who takes care of volumes that several nodes have; before {@link #start}. */
  public void shared(SharedParts value) {
    shared.set(value);
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
      table.put(entry);
      // What it is an alias of was created before it, and is in the list already.
      CompletableFuture<?>[] first =
          table.targets(record).stream()
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
      stores.erase(record);
    } catch (RuntimeException e) {
      log.error("volume {} cannot be removed: {}", record.suid(), Refusal.reason(e));
      VolumeEntry entry = new VolumeEntry(record, true);
      entry.leaving(true);
      entry.fail("it is not deleted yet: " + Refusal.reason(e));
      table.put(entry);
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
    for (VolumeEntry e : table.aliasesFirst()) {
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
        log.error("volume {}: {}", e.suid(), Refusal.reason(failure));
      }
    }
    return clean;
  }

  /** What hosts wrote is the owner's to keep. */
  private static boolean forwards(VolumeEntry e) {
    ShareState s = e.shareState();
    return s != null && s.role() != Role.OWNER;
  }

  /** It was failed, or not open yet, and is open now. */
  void opened(VolumeEntry entry) {
    sockets.open(entry.suid());
    opening.opened(entry);
  }

  // ------------------------------------------------------------------ looking

  /** All volumes, by name. */
  public List<VolumeEntry> list() {
    return table.list();
  }

  /** The volume, or a refusal. */
  public VolumeEntry get(String suid) {
    return table.get(suid);
  }

  /** The volume, if there is one. */
  public Optional<VolumeEntry> find(String suid) {
    return table.find(suid);
  }

  /** The volumes that cannot do without a node. */
  public List<String> needing(String node) {
    return table.needing(node);
  }

  // ------------------------------------------------------------------ changing

  /** Makes a volume. Refused without any effect, or done and durable. Blocks. */
  public VolumeEntry create(CreateVolume wanted) {
    return creation.create(wanted);
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
    return creation.create(draft, share, maker);
  }

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
    deletion.delete(suid, force, permits);
  }

  // ------------------------------------------------------------------ the parts

  /** Opens what is behind a volume. */
  public VolumeHandlers handlers() {
    return handlers;
  }

  /** Makes and frees the files of volumes that go on without them. */
  public VolumeStores stores() {
    return stores;
  }

  /** For limits of time. */
  public ScheduledExecutorService scheduler() {
    return opener.scheduler();
  }

  public Catalog catalog() {
    return catalog;
  }

  Claims claims() {
    return claims;
  }
}
