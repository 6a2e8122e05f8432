package dev.wherry.daemon.volume;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.ForwardingDevice;
import dev.wherry.path.shared.BlockState;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.stream.Stream;

/**
 * A volume as one connection sees it. When a flush fails because another node has lost what hosts
 * wrote, that is told once for the volume; this tells it to every connection that was there, once,
 * as Linux does with {@code errseq_t} for every open file: each may be another host's.
 *
 * <p>It has the context {@link BlockState#CONTEXT} also where the volume is a plain one, which is
 * all here: a shared one may become that under its hosts, who do not notice.
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
  public ExportInfo info() {
    ExportInfo info = device.info();
    return hasStates(info)
        ? info
        : info.withContexts(
            Stream.concat(info.contexts().stream(), Stream.of(BlockState.CONTEXT)).toList());
  }

  private static boolean hasStates(ExportInfo info) {
    return info.contexts().contains(BlockState.CONTEXT);
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    if (!context.equals(BlockState.CONTEXT)) {
      return device.status(context, offset, length, maxExtents);
    }
    List<Extent> allHere = List.of(new Extent(length, 0));
    if (!hasStates(device.info())) {
      return CompletableFuture.completedFuture(allHere);
    }
    return device
        .status(context, offset, length, maxExtents)
        .exceptionallyCompose(
            failure ->
                hasStates(device.info())
                    ? CompletableFuture.failedFuture(failure)
                    : CompletableFuture.completedFuture(allHere)); // It has become plain meanwhile.
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
