package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.path.Volume;
import dev.wherry.path.shared.ShareState;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What can be changed of a volume that is there. All methods block. */
public final class VolumeChanges {
  private static final Logger log = LoggerFactory.getLogger(VolumeChanges.class);
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /** How long requests may take to end before a resize. */
  private static final Duration DRAIN_LIMIT = Duration.ofSeconds(20);

  private final VolumeRegistry registry;
  private final Reopening reopening;

  public VolumeChanges(VolumeRegistry registry) {
    this.registry = registry;
    this.reopening = new Reopening(registry);
  }

  /**
   * Changes the size. Connections that are there keep the one that they were told.
   *
   * @param size in bytes
   * @param force allows a smaller one, which loses what lies behind it
   * @param first is called before anything is looked at; nobody else changes the volume then
   */
  public VolumeEntry resize(String suid, long size, boolean force, Consumer<VolumeEntry> first) {
    if (size <= 0) {
      throw Refusal.impossible("size " + size + " of volume " + suid + " is not more than 0 bytes");
    }
    VolumeEntry entry = registry.get(suid);
    entry.begin("resized");
    try {
      first.accept(entry);
      if (entry.engine() != null) {
        throw Refusal.conflict(
            "volume " + suid + " is shared, or not whole here: its size cannot be changed");
      }
      VolumeRecord before = entry.record();
      Volume volume = online(entry);
      if (size < before.size()) {
        shrink(entry, volume, size, force);
      } else if (size > before.size()) {
        // First the room, then the word that there is room.
        Await.done(resized(volume, size), LIMIT, "resizing volume " + suid);
        Await.committed(registry.catalog().put(before.withSize(size)));
        entry.record(before.withSize(size));
      }
      log.info("volume {} resized from {} to {} bytes", suid, before.size(), size);
      return entry;
    } finally {
      entry.end();
    }
  }

  /** Gives up well before we do, so that what was reported as failed is not done later. */
  private CompletableFuture<Void> resized(Volume volume, long size) {
    return volume.resize(size, DRAIN_LIMIT, registry.scheduler());
  }

  private void shrink(VolumeEntry entry, Volume volume, long size, boolean force) {
    VolumeRecord before = entry.record();
    if (!force) {
      throw Refusal.conflict(
          "size "
              + size
              + " is less than the "
              + before.size()
              + " bytes of volume "
              + entry.suid()
              + "; --force cuts off what lies behind it");
    }
    for (VolumeEntry other : registry.list()) {
      if (other.record().aliasOf().contains(entry.suid())) {
        throw Refusal.conflict(
            "volume " + other.suid() + " is an alias of " + entry.suid() + " and needs its bytes");
      }
    }
    Await.committed(registry.catalog().put(before.withSize(size)));
    try {
      Await.done(resized(volume, size), LIMIT, "resizing volume " + entry.suid());
      entry.record(before.withSize(size));
    } catch (RuntimeException e) {
      Await.committed(registry.catalog().put(before));
      throw e;
    }
  }

  /** Changes policies; all or none of them. */
  public VolumeEntry set(String suid, Map<String, String> values) {
    VolumeEntry entry = registry.get(suid);
    if (values.isEmpty()) {
      throw Refusal.malformed("nothing to set");
    }
    entry.begin("changed");
    try {
      VolumeRecord record = entry.record();
      for (Map.Entry<String, String> e : values.entrySet()) {
        if (!e.getKey().equals("allow")) {
          throw Refusal.impossible("setting '" + e.getKey() + "' is unknown; there is: allow");
        }
        record = record.withAccess(AccessList.parse(e.getValue()).rules());
      }
      Await.committed(registry.catalog().put(record));
      entry.record(record);
      return entry;
    } finally {
      entry.end();
    }
  }

  /** Opens a failed volume anew: its backing is there again, or its loss is accepted. */
  public VolumeEntry reopen(String suid) {
    VolumeEntry entry = registry.get(suid);
    entry.begin("reopened");
    try {
      if (!entry.isFailed()) {
        throw Refusal.conflict("volume " + suid + " is " + entry.state() + ", not failed");
      }
      if (entry.leaving()) {
        throw Refusal.conflict("volume " + suid + " is half deleted; delete it again");
      }
      ShareState share = entry.shareState();
      if (share != null && share.fence() != null) {
        throw Refusal.conflict(
            "volume "
                + suid
                + " is fenced: "
                + share.fence()
                + "; what is here can be deleted, or activated by force");
      }
      reopening.reopen(entry);
      return entry;
    } finally {
      entry.end();
    }
  }

  private static Volume online(VolumeEntry entry) {
    Volume volume = entry.volume();
    if (volume == null || !entry.state().equals("online")) {
      throw Refusal.conflict("volume " + entry.suid() + " is " + entry.state() + ", not online");
    }
    return volume;
  }
}
