package dev.wherry.daemon.volume;

import dev.wherry.nbd.NbdException;
import dev.wherry.path.Volume;
import dev.wherry.path.VolumeState;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Volumes of several nodes whose store has failed here are opened anew, ever more seldom, until the
 * store is well again: other nodes need them, and nobody may be there who could do it. Not while
 * hosts are attached here: what those have written and not flushed may be gone, and they learn it
 * by the errors that they get until they let go. Thread-safe.
 */
public final class Recovery {
  private static final Logger log = LoggerFactory.getLogger(Recovery.class);

  private final Reopening reopening;
  private final Retries retries = new Retries(this::attempt);

  public Recovery(VolumeRegistry registry) {
    this.reopening = new Reopening(registry);
  }

  /** Sees to a volume if it has failed. Never blocks. */
  public void look(VolumeEntry entry) {
    if (isToBeReopened(entry)) {
      retries.add(entry);
    }
  }

  /** Begins no more. */
  public void close() {
    retries.close();
  }

  private static boolean isToBeReopened(VolumeEntry entry) {
    ShareState share = entry.shareState();
    Volume volume = entry.volume();
    if (share == null || share.fence() != null || volume == null || entry.leaving()) {
      return false;
    }
    SharedVolume engine = entry.engine();
    boolean failed =
        engine == null
            ? !ShareStates.isPlain(share) && volume.state() == VolumeState.FAILED
            : engine.failure() instanceof NbdException;
    return failed && entry.sessions() == 0;
  }

  /** False until it is found well, so that the pause grows while it fails again each time. */
  private boolean attempt(VolumeEntry entry) {
    if (!isToBeReopened(entry)) {
      return true;
    }
    if (entry.tryBegin("reopened")) {
      try {
        if (isToBeReopened(entry)) {
          reopening.reopen(entry);
        }
      } catch (RuntimeException e) {
        log.warn("volume {} cannot be reopened yet: {}", entry.suid(), Refusal.reason(e));
      } finally {
        entry.end();
      }
    }
    return false;
  }
}
