package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.PathHandler;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Stands in for those who take care of shared volumes: they need the registry, and come later. */
final class ForwardingParts implements SharedParts {
  private volatile SharedParts target = SharedParts.NONE;

  void set(SharedParts value) {
    target = value;
  }

  @Override
  public PathHandler open(VolumeEntry entry, @Nullable BlockDevice store) {
    return target.open(entry, store);
  }

  @Override
  public void closed(VolumeEntry entry) {
    target.closed(entry);
  }

  @Override
  public void erase(String suid) {
    target.erase(suid);
  }

  @Override
  public List<Path> sweep(List<ShareRecord> shares) {
    return target.sweep(shares);
  }
}
