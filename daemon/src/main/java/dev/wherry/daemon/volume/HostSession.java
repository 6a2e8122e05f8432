package dev.wherry.daemon.volume;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.server.ExportDirectory.Connection;
import dev.wherry.nbd.server.ExportDirectory.Session;
import dev.wherry.nbd.server.ExportStats;
import dev.wherry.path.SuspendListener;
import dev.wherry.path.Volume;
import org.jspecify.annotations.Nullable;

/** One host's hold on a volume. */
final class HostSession implements Session {
  private final VolumeEntry entry;
  private final Volume volume;
  private final HostExport export;
  private volatile @Nullable Connection connection;
  private volatile @Nullable SuspendListener listener;

  HostSession(VolumeEntry entry, Volume volume) {
    this.entry = entry;
    this.volume = volume;
    this.export = new HostExport(volume, entry.unflushed()::failedAt);
  }

  /** Counts it in; false if the volume is being deleted. */
  boolean begin() {
    entry.join(this);
    if (entry.leaving()) {
      entry.leave(this, null);
      return false;
    }
    return true;
  }

  @Override
  public String name() {
    return entry.suid();
  }

  @Override
  public Export export() {
    return export;
  }

  @Override
  public ExportStats stats() {
    return entry.stats();
  }

  @Override
  public void attached(Connection c) {
    connection = c;
    SuspendListener l = c::detachReplies;
    listener = l;
    volume.addSuspendListener(l);
    entry.attached(c);
    if (entry.leaving()) {
      c.abort();
    }
  }

  @Override
  public void close() {
    SuspendListener l = listener;
    if (l != null) {
      volume.removeSuspendListener(l);
    }
    entry.leave(this, connection);
  }
}
