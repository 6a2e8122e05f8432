package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceException;
import dev.wherry.path.PathHandler;
import dev.wherry.path.ReadPolicies;
import dev.wherry.path.shared.ShareState;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Puts the handler that a volume needs now, plain or shared, on its devices. */
public final class VolumeHandlers {
  private final VolumeOpener opener;
  private final VolumeStores stores;
  private final SharedParts shared;

  VolumeHandlers(VolumeOpener opener, VolumeStores stores, SharedParts shared) {
    this.opener = opener;
    this.stores = stores;
    this.shared = shared;
  }

  /** The read policies that there are. */
  public ReadPolicies readPolicies() {
    return opener.readPolicies();
  }

  /** Puts the handler of a volume, plain or shared, on its devices. Blocks. */
  public PathHandler open(VolumeEntry entry) {
    ShareState state = entry.shareState();
    VolumeRecord record = entry.record();
    if (state == null || ShareStates.isPlain(state)) {
      return opener.open(record);
    }
    if (!state.hasStore()) {
      stores.free(entry);
      return shared.open(entry, null);
    }
    PathHandler store = opener.open(record, false);
    try {
      return shared.open(entry, store);
    } catch (RuntimeException e) {
      opener.close(store);
      throw e;
    }
  }

  /** Closes a handler that is not used any more. Blocks. */
  void close(VolumeEntry entry, BlockDevice handler) {
    opener.close(handler);
    shared.closed(entry);
  }

  /** Opens a device of a volume. Blocks. */
  public BlockDevice device(String suid, String spec, boolean readOnly) {
    return opener.device(suid, spec, readOnly);
  }

  /**
   * Opens what a volume's blocks come from: to be written, too, where that can be, since its write
   * policy may ask for that at any time. Never blocks.
   */
  public CompletableFuture<BlockDevice> opening(String suid, String spec) {
    return opener
        .opening(suid, spec, false)
        .handle(
            (device, failure) -> {
              if (failure == null) {
                return CompletableFuture.completedFuture(device);
              }
              Throwable t = failure instanceof CompletionException c ? c.getCause() : failure;
              return t instanceof DeviceException d
                      && d.reason() != DeviceException.Reason.UNAVAILABLE
                  ? opener.opening(suid, spec, true)
                  : CompletableFuture.<BlockDevice>failedFuture(failure);
            })
        .thenCompose(opening -> opening);
  }
}
