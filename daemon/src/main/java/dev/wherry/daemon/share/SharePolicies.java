package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.volume.Await;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.path.ReadPolicies;
import dev.wherry.path.move.Mover;
import dev.wherry.path.shared.SharedVolume;
import java.time.Duration;

/** How a volume is emulated, and how fast the rest of it comes; refused where it is whole here. */
public final class SharePolicies {
  private static final Duration LIMIT = Duration.ofMinutes(1);

  private final Catalog catalog;
  private final ReadPolicies known;

  SharePolicies(Catalog catalog, ReadPolicies known) {
    this.catalog = catalog;
    this.known = known;
  }

  /** The read policies that there are. */
  ReadPolicies known() {
    return known;
  }

  /** How a volume is emulated now. Never blocks. */
  ShareTerms terms(VolumeEntry entry) {
    return ShareTerms.of(emulated(entry).state());
  }

  /** Changes how a volume is emulated, durably. Blocks. */
  void terms(VolumeEntry entry, ShareTerms terms) {
    Refusals.await(
        emulated(entry).policies(terms.read(), terms.write(), terms.ranges(), terms.manual()),
        LIMIT,
        "the change of policies");
  }

  /**
   * Changes how fast the background move is, durably. Blocks.
   *
   * @param minimum bytes per second, at most {@code bandwidth}
   * @param bandwidth bytes per second
   */
  void pace(VolumeEntry entry, long minimum, long bandwidth) {
    SharedVolume engine = emulated(entry);
    ShareRecord share = entry.share();
    if (share == null) {
      throw new IllegalStateException("volume " + entry.suid() + " has no share");
    }
    if (minimum > bandwidth) {
      throw Refusal.impossible(
          "minimum " + minimum + " is more than the bandwidth, " + bandwidth + " bytes per second");
    }
    ShareRecord.Options options = share.options().withPace(minimum, bandwidth);
    Await.committed(catalog.put(entry.suid(), options));
    entry.share(options);
    engine.pace(new Mover.Pace(minimum, bandwidth));
  }

  /**
   * Says, durably, whether hosts wait while the source is away under the write policy {@code
   * through}, instead of going on without it. Blocks.
   */
  void stall(VolumeEntry entry, boolean stall) {
    SharedVolume engine = emulated(entry);
    ShareRecord share = entry.share();
    if (share == null) {
      throw new IllegalStateException("volume " + entry.suid() + " has no share");
    }
    Refusals.await(engine.started(), LIMIT, "the start of volume " + entry.suid());
    ShareRecord.Options options = share.options().withStall(stall);
    Await.committed(catalog.put(entry.suid(), options));
    entry.share(options);
    Refusals.await(engine.stall(stall), LIMIT, "the change of policies");
  }

  private static SharedVolume emulated(VolumeEntry entry) {
    SharedVolume engine = entry.engine();
    if (engine == null) {
      throw Refusal.conflict(
          "volume " + entry.suid() + " is whole here and not shared: it has no such setting");
    }
    return engine;
  }
}
