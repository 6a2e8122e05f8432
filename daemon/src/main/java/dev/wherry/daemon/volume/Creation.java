package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.catalog.VolumeRecord.State;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.PathHandler;
import dev.wherry.path.Volume;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * Makes volumes: refused without any effect, or done and durable. One whose files are made with it
 * takes three durable steps (the record, CREATING; the files; the record, READY), so that a start
 * can undo what was cut off between them; one over what was given takes the last of them alone.
 * Methods block.
 */
final class Creation {
  private static final Logger log = LoggerFactory.getLogger(Creation.class);

  private final Catalog catalog;
  private final VolumeTable table;
  private final Claims claims;
  private final VolumeOpener opener;
  private final VolumeHandlers handlers;
  private final VolumeStores stores;
  private final VolumeSockets sockets;
  private final Clock clock;
  private final FaultPoints faults;

  Creation(
      Catalog catalog,
      VolumeTable table,
      Claims claims,
      VolumeOpener opener,
      VolumeHandlers handlers,
      VolumeStores stores,
      VolumeSockets sockets,
      Clock clock,
      FaultPoints faults) {
    this.catalog = catalog;
    this.table = table;
    this.claims = claims;
    this.opener = opener;
    this.handlers = handlers;
    this.stores = stores;
    this.sockets = sockets;
    this.clock = clock;
    this.faults = faults;
  }

  /** Makes a plain volume. */
  VolumeEntry create(CreateVolume wanted) {
    wanted.check();
    opener.checkHandler(wanted.handler());
    if (!wanted.backing().isEmpty()) {
      List<Backing> given = wanted.backing().stream().map(s -> new Backing(s, false)).toList();
      return listed(draft(wanted, given), entry -> makeOver(entry, wanted));
    }
    Path image = stores.image(wanted.suid());
    VolumeRecord draft = draft(wanted, List.of(new Backing(image.toString(), true)));
    return listed(
        draft,
        entry -> makeFiles(entry, () -> catalog.put(draft), o -> o.create(image, draft.size())));
  }

  /** Makes a volume that is not plain from the start; see {@link VolumeRegistry#create}. */
  VolumeEntry create(VolumeRecord draft, ShareRecord share, Consumer<VolumeOpener> maker) {
    Suid.check(draft.suid());
    return listed(
        draft,
        entry -> {
          entry.share(share);
          makeFiles(entry, () -> catalog.put(draft, share), maker);
        });
  }

  private VolumeRecord draft(CreateVolume wanted, List<Backing> backing) {
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

  /** Keeps the name while the volume is made, and ever after if it is. */
  private VolumeEntry listed(VolumeRecord draft, Consumer<VolumeEntry> make) {
    VolumeEntry entry = table.reserve(draft);
    MDC.put("suid", entry.suid());
    try {
      make.accept(entry);
      sockets.open(entry.suid());
      log.info("volume {} created, {} bytes", entry.suid(), entry.record().size());
      return entry;
    } catch (RuntimeException e) {
      table.remove(entry);
      throw e;
    } finally {
      MDC.remove("suid");
      entry.end();
    }
  }

  /**
   * Makes a volume in steps that a start can undo.
   *
   * @param begin remembers the draft
   * @param maker makes its files
   */
  private void makeFiles(
      VolumeEntry entry, Supplier<CompletableFuture<Void>> begin, Consumer<VolumeOpener> maker) {
    VolumeRecord draft = entry.record();
    stores.requireAbsent(draft);
    Await.committed(begin.get());
    faults.reach("create: recorded");
    try {
      maker.accept(opener);
      faults.reach("create: file made");
      claims.take(draft);
      PathHandler handler = handlers.open(entry);
      VolumeRecord ready = draft.withState(State.READY);
      try {
        Await.committed(catalog.put(ready));
      } catch (RuntimeException e) {
        handlers.close(entry, handler);
        throw e;
      }
      faults.reach("create: ready");
      entry.record(ready);
      entry.open(new Volume(draft.suid(), handler));
    } catch (RuntimeException e) {
      stores.erase(draft);
      throw e;
    }
  }

  /** Makes a volume over devices that were given; there is nothing to undo. */
  private void makeOver(VolumeEntry entry, CreateVolume wanted) {
    VolumeRecord draft = entry.record();
    BlockDevice devices = opener.devices(draft);
    PathHandler handler = null;
    try {
      long size = size(wanted, devices);
      VolumeRecord ready = draft.withSize(size).withState(State.READY);
      handler = opener.handler(ready, devices);
      Await.committed(catalog.put(ready));
      entry.record(ready);
      entry.open(new Volume(draft.suid(), handler));
    } catch (RuntimeException e) {
      opener.close(handler == null ? devices : handler);
      throw e;
    }
  }

  private static long size(CreateVolume wanted, BlockDevice devices) {
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
}
