package dev.wherry.path.shared;

import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What is told of the last hand-over, either way: to operators, and to the log. */
final class LastHandover {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  private final Core core;
  private volatile SharedVolume.@Nullable Handover handover;

  LastHandover(Core core) {
    this.core = core;
  }

  /** Null if there was none since the start. */
  SharedVolume.@Nullable Handover get() {
    return handover;
  }

  /**
   * Takes note of one.
   *
   * @param stallNanos how long hosts of this node were held
   */
  void note(long stallNanos) {
    handover = new SharedVolume.Handover(stallNanos, System.currentTimeMillis());
  }

  /**
   * Logs it, by another thread: a log is slow, and this one has to answer the other node, or the
   * hosts that were held.
   */
  void log(String how, long stallNanos) {
    long epoch = core.state().epoch();
    Runnable line =
        () ->
            LOG.info(
                "volume {}: {}, epoch {}; hosts were held for {} us",
                core.suid(),
                how,
                epoch,
                stallNanos / 1000);
    try {
      core.parts().timer().execute(line);
    } catch (RejectedExecutionException stopping) {
      line.run();
    }
  }
}
