package dev.wherry.daemon.volume;

import dev.wherry.path.PathHandler;
import dev.wherry.path.Volume;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * Opens the volumes that there were before, at start and for as long as it takes. A volume is
 * changed by nobody else only while it is looked at before and after; while its devices are being
 * opened, which may take long, it may be deleted.
 */
final class Opening {
  private static final Logger log = LoggerFactory.getLogger(Opening.class);

  private final BiConsumer<VolumeEntry, PathHandler> close;
  private final Function<VolumeEntry, PathHandler> open;
  private final Claims claims;
  private final Predicate<VolumeEntry> wanted;
  private final Consumer<VolumeEntry> whenOpen;
  private final Retries retries = new Retries(this::attempt);
  private boolean closed;

  /**
   * @param close closes a handler that is not used after all
   * @param open puts the handler of a volume on its devices
   * @param wanted whether the volume is still there
   * @param whenOpen called for each volume that was opened
   */
  Opening(
      BiConsumer<VolumeEntry, PathHandler> close,
      Function<VolumeEntry, PathHandler> open,
      Claims claims,
      Predicate<VolumeEntry> wanted,
      Consumer<VolumeEntry> whenOpen) {
    this.close = close;
    this.open = open;
    this.claims = claims;
    this.wanted = wanted;
    this.whenOpen = whenOpen;
  }

  /** Opens the volume, or lists it as failed and goes on trying. Blocks. */
  void open(VolumeEntry entry) {
    if (!attempt(entry)) {
      retries.add(entry);
    }
  }

  /** Volumes that wait for this one are tried at once. */
  void opened(VolumeEntry entry) {
    retries.wake(e -> e.record().aliasOf().contains(entry.suid()));
  }

  /** No volume is opened from now on. */
  void close() {
    synchronized (this) {
      closed = true;
    }
    retries.close();
  }

  /** True if nothing is left to do. */
  private boolean attempt(VolumeEntry entry) {
    MDC.put("suid", entry.suid());
    try {
      return tryToOpen(entry);
    } catch (RuntimeException e) {
      String reason = Refusal.reason(e);
      if (reason.equals(entry.reason())) {
        log.debug("volume {} still cannot be opened: {}", entry.suid(), reason);
      } else {
        log.error("volume {} cannot be opened: {}", entry.suid(), reason);
      }
      entry.fail(reason);
      return false;
    } finally {
      MDC.remove("suid");
    }
  }

  private boolean tryToOpen(VolumeEntry entry) {
    boolean before = entry.reason() != null;
    if (!entry.tryBegin("opened")) {
      return false;
    }
    try {
      if (!waits(entry)) {
        entry.fail("it is being deleted");
        return true;
      }
      claims.take(entry.record());
    } finally {
      entry.end();
    }
    PathHandler handler = open.apply(entry);
    if (!install(entry, handler)) {
      close.accept(entry, handler);
      return !waits(entry);
    }
    if (before) {
      log.info("volume {} is open at last", entry.suid());
    }
    return true;
  }

  private boolean waits(VolumeEntry entry) {
    return wanted.test(entry) && !entry.leaving() && entry.volume() == null;
  }

  private synchronized boolean install(VolumeEntry entry, PathHandler handler) {
    if (closed || !entry.tryBegin("opened")) {
      return false;
    }
    try {
      if (!waits(entry)) {
        return false;
      }
      entry.open(new Volume(entry.suid(), handler));
      whenOpen.accept(entry);
      return true;
    } finally {
      entry.end();
    }
  }
}
