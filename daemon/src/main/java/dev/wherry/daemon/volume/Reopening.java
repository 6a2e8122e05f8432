package dev.wherry.daemon.volume;

import dev.wherry.path.PathHandler;
import dev.wherry.path.Volume;
import dev.wherry.path.VolumeState;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens a failed volume anew under the hosts that it has. Blocks. */
final class Reopening {
  private static final Logger log = LoggerFactory.getLogger(Reopening.class);
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final VolumeRegistry registry;

  Reopening(VolumeRegistry registry) {
    this.registry = registry;
  }

  /** Nobody else changes the volume. If it cannot be opened it stays failed. */
  void reopen(VolumeEntry entry) {
    String suid = entry.suid();
    registry.claims().take(entry.record());
    Volume volume = entry.volume();
    if (volume == null) {
      entry.open(new Volume(suid, registry.handlers().open(entry)));
      registry.opened(entry);
    } else {
      fail(entry, volume);
      // Its files are closed before they are opened anew: they carry locks.
      Await.done(volume.drained(), LIMIT, "draining volume " + suid);
      ShareState share = entry.shareState();
      if (share == null || ShareStates.isPlain(share) || entry.engine() != null) {
        registry.handlers().close(entry, volume.handler());
      }
      PathHandler next = registry.handlers().open(entry);
      try {
        Await.done(volume.reopen(next), LIMIT, "reopening volume " + suid);
      } catch (RuntimeException e) {
        registry.handlers().close(entry, next);
        throw e;
      }
    }
    log.info("volume {} reopened", suid);
  }

  /**
   * Where it is the engine that has failed, the volume fails with it. Hosts of other nodes are to
   * hear that what they have not flushed may be lost, also if that could not be noted when a flush
   * failed.
   */
  private static void fail(VolumeEntry entry, Volume volume) {
    SharedVolume engine = entry.engine();
    Throwable why = engine == null ? null : engine.failure();
    if (engine == null || why == null) {
      return;
    }
    Await.done(engine.lost(), LIMIT, "counting what volume " + entry.suid() + " may have lost");
    if (volume.state() != VolumeState.FAILED) {
      volume.fail(why);
    }
  }
}
