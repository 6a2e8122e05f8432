package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.catalog.VolumeRecord.State;
import dev.wherry.nbd.server.ExportDirectory.Connection;
import dev.wherry.path.Volume;
import dev.wherry.path.shared.SharedVolume;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * Removes volumes, in three durable steps (the record, DELETING; the files; no record), so that a
 * start finishes what was cut off. Blocks.
 */
final class Deletion {
  /** How long connections have to go when their volume is deleted. */
  private static final Duration DETACH_LIMIT = Duration.ofSeconds(15);

  private static final Logger log = LoggerFactory.getLogger(Deletion.class);

  private final Catalog catalog;
  private final VolumeTable table;
  private final VolumeStores stores;
  private final SharedParts shared;
  private final VolumeSockets sockets;
  private final FaultPoints faults;

  Deletion(
      Catalog catalog,
      VolumeTable table,
      VolumeStores stores,
      SharedParts shared,
      VolumeSockets sockets,
      FaultPoints faults) {
    this.catalog = catalog;
    this.table = table;
    this.stores = stores;
    this.shared = shared;
    this.sockets = sockets;
    this.faults = faults;
  }

  /** Removes a volume; see {@link VolumeRegistry#delete(String, boolean, Consumer)}. */
  void delete(String suid, boolean force, Consumer<VolumeEntry> permits) {
    VolumeEntry entry = table.get(suid);
    entry.begin("deleted");
    MDC.put("suid", suid);
    try {
      permits.accept(entry);
      table.takeLeave(entry, force);
      record(entry);
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
        stores.erase(entry.record());
      } catch (RuntimeException e) {
        entry.stay("it is not deleted yet: " + Refusal.reason(e));
        throw e;
      }
      table.remove(entry);
      log.info("volume {} deleted", suid);
    } finally {
      MDC.remove("suid");
      entry.end();
    }
  }

  private void record(VolumeEntry entry) {
    try {
      VolumeRecord deleting = entry.record().withState(State.DELETING);
      Await.committed(catalog.put(deleting));
      entry.record(deleting);
    } catch (RuntimeException e) {
      entry.leaving(entry.record().state() != State.READY);
      throw e;
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
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }
}
