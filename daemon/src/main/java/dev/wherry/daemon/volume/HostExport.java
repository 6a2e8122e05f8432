package dev.wherry.daemon.volume;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.ForwardingDevice;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * A volume as one connection sees it. When a flush fails because another node has lost what hosts
 * wrote, that is told once for the volume; this tells it to every connection that was there, once,
 * as Linux does with {@code errseq_t} for every open file: each may be another host's.
 */
final class HostExport extends ForwardingDevice {
  private final LongSupplier failedAt;
  private final AtomicLong told;

  /**
   * @param failedAt changes whenever a flush of the volume fails for a loss
   */
  HostExport(BlockDevice volume, LongSupplier failedAt) {
    super(volume);
    this.failedAt = failedAt;
    this.told = new AtomicLong(failedAt.getAsLong());
  }

  @Override
  public CompletableFuture<Void> flush() {
    return device
        .flush()
        .handle(
            (v, failure) -> {
              long now = failedAt.getAsLong();
              boolean news = told.getAndSet(now) != now;
              if (failure != null) {
                throw failure instanceof CompletionException e
                    ? e
                    : new CompletionException(failure);
              }
              if (news) {
                throw NbdException.harmless(
                    NbdError.EIO,
                    device.describe()
                        + ": what hosts have not flushed may be lost, as another one was told");
              }
              return null;
            });
  }
}
