package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.volume.Await;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.PathHandler;
import dev.wherry.path.Volume;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import java.time.Duration;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts the engine under a plain volume, and takes it away again, while hosts are attached: suspend,
 * drain, swap, resume. Methods block.
 */
final class LiveSwap {
  private static final Logger log = LoggerFactory.getLogger(LiveSwap.class);

  /** How long requests may take to end; nothing is changed if they do not. */
  private static final Duration DRAIN_LIMIT = Duration.ofSeconds(20);

  private static final Duration LIMIT = Duration.ofSeconds(30);

  private final VolumeRegistry registry;
  private final Engines engines;
  private final String node;

  LiveSwap(VolumeRegistry registry, Engines engines, String node) {
    this.registry = registry;
    this.engines = engines;
    this.node = node;
  }

  /**
   * Puts the engine under an online volume that this node owns; it may be there already. The entry
   * is not changed by anybody else.
   */
  SharedVolume toShared(VolumeEntry entry) {
    SharedVolume there = entry.engine();
    Volume volume = entry.volume();
    if (there != null) {
      return there;
    }
    if (volume == null) {
      throw Refusal.conflict("volume " + entry.suid() + " is " + entry.state());
    }
    ShareRecord share = entry.share();
    if (share == null) {
      ShareState first = ShareState.alone(node);
      Await.committed(registry.catalog().put(entry.suid(), first));
      entry.share(new ShareRecord(entry.suid(), first, ShareRecord.Options.DEFAULT));
    }
    drain(volume);
    try {
      PathHandler plain = volume.handler();
      // What hosts wrote through it may not be flushed: should a flush fail later, they are told.
      // To flush it now could take long, while they are held, and fail the volume.
      entry.unflushed().wrote();
      // It is the engine's store from now on, and what it was when the engine goes.
      volume.swap(engines.open(entry, plain));
    } finally {
      volume.resume();
    }
    SharedVolume engine = entry.engine();
    if (engine == null) {
      throw new IllegalStateException("volume " + entry.suid() + " has no engine");
    }
    return engine;
  }

  /**
   * Takes the engine away from a volume that needs it no more; the entry is not changed by others.
   */
  void toPlain(VolumeEntry entry) {
    Volume volume = entry.volume();
    SharedVolume engine = entry.engine();
    if (volume == null || engine == null || !entry.state().equals("online")) {
      return;
    }
    drain(volume);
    try {
      if (!isNeedless(entry)) {
        return;
      }
      BlockDevice store = Await.done(engine.detachStore(), LIMIT, "detaching the store");
      if (store == null) {
        throw new IllegalStateException("volume " + entry.suid() + " has no store");
      }
      volume.swap((PathHandler) store);
      engines.closed(entry);
    } finally {
      volume.resume();
    }
    forgetBooking(entry);
    engines.erase(entry.suid());
    log.info(
        "volume {} is whole here and this node's alone: its handler is plain again", entry.suid());
  }

  /**
   * Puts a volume that keeps nothing here into another state, while hosts are attached. Its record
   * has the backing that the state needs. What is durable counts: if the state cannot be put, it is
   * served as before, and the backing is freed.
   */
  void restate(VolumeEntry entry, ShareRecord next) {
    Volume volume = entry.volume();
    SharedVolume engine = entry.engine();
    if (volume == null || engine == null) {
      throw Refusal.conflict("volume " + entry.suid() + " is " + entry.state());
    }
    try {
      drain(volume);
    } catch (RuntimeException e) {
      registry.stores().free(entry);
      throw e;
    }
    try {
      Await.done(engine.detachStore(), LIMIT, "ending the forwarding of volume " + entry.suid());
      RuntimeException refused = null;
      try {
        Await.committed(registry.catalog().put(entry.record(), next));
        entry.share(next);
      } catch (RuntimeException e) {
        refused = e;
      }
      engines.closed(entry);
      volume.swap(registry.handlers().open(entry));
      if (refused != null) {
        throw refused;
      }
    } catch (RuntimeException e) {
      if (entry.engine() == null) {
        volume.fail(e);
      }
      throw e;
    } finally {
      if (!entry.isFailed()) {
        volume.resume();
      }
    }
  }

  /** Closes and frees a store that its volume has given up. */
  void dropStore(VolumeEntry entry, BlockDevice store) {
    Await.done(store.close(), LIMIT, "closing the store of volume " + entry.suid());
    registry.stores().free(entry);
    forgetBooking(entry);
  }

  private void forgetBooking(VolumeEntry entry) {
    ShareRecord share = entry.share();
    if (share != null && share.options().booked() != 0) {
      ShareRecord.Options options = share.options().withBooked(0);
      Await.committed(registry.catalog().put(entry.suid(), options));
      entry.share(options);
    }
  }

  /** Looks at all volumes and makes those plain that can be. */
  void sweep(List<VolumeEntry> all) {
    for (VolumeEntry e : all) {
      if (!isNeedless(e) || !e.tryBegin("made plain")) {
        continue;
      }
      try {
        settle(e);
      } finally {
        e.end();
      }
    }
  }

  /** Makes a volume plain if it can be; the entry is not changed by others. Never fails. */
  void settle(VolumeEntry entry) {
    if (!isNeedless(entry)) {
      return;
    }
    try {
      toPlain(entry);
    } catch (RuntimeException failure) {
      log.warn("volume {} cannot be made plain: {}", entry.suid(), failure.toString());
    }
  }

  /** Whether it has an engine that nobody else needs, and that misses nothing. */
  static boolean isNeedless(VolumeEntry entry) {
    SharedVolume engine = entry.engine();
    return engine != null && engine.isPlain() && engine.state().members().isEmpty();
  }

  private void drain(Volume volume) {
    Await.done(
        volume.suspend(DRAIN_LIMIT, registry.scheduler()),
        DRAIN_LIMIT.plusSeconds(5),
        "draining volume " + volume.suid());
  }
}
