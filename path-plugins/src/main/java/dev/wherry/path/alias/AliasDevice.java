package dev.wherry.path.alias;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.ForwardingDevice;
import dev.wherry.path.SuspendListener;
import dev.wherry.path.Volume;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Another volume. Closing it leaves that one as it is.
 *
 * <p>File regions that the target handed out through here are held by connections of the volume on
 * top, which the target does not know: when the target is suspended, those are asked to let go.
 */
final class AliasDevice extends ForwardingDevice {
  private final Volume target;
  private final DeviceContext context;
  private final Runnable release;
  private final SuspendListener listener = this::letGoAbove;
  private final AtomicBoolean closed = new AtomicBoolean();

  AliasDevice(Volume target, DeviceContext context, Runnable release) {
    super(target);
    this.target = target;
    this.context = context;
    this.release = release;
    target.addSuspendListener(listener);
  }

  private CompletableFuture<Void> letGoAbove() {
    return context.volumes().apply(context.suid()).map(Volume::letGo).orElseGet(Answers::done);
  }

  @Override
  public ExportInfo info() {
    ExportInfo info = device.info();
    return context.readOnly() && !info.readOnly() ? info.withReadOnly(true) : info;
  }

  /** Null where there is no volume on top that could be asked to let go. */
  @Override
  public @Nullable FileSlice trySend(long offset, int length) {
    return context.suid().isEmpty() ? null : device.trySend(offset, length);
  }

  @Override
  public String describe() {
    return AliasPlugin.SCHEME + ":" + target.suid();
  }

  @Override
  public CompletableFuture<Void> resize(long size) {
    return Answers.failed(
        NbdError.ENOTSUP, describe() + " is an alias: resize volume " + target.suid() + " itself");
  }

  @Override
  public CompletableFuture<Void> close() {
    if (closed.compareAndSet(false, true)) {
      target.removeSuspendListener(listener);
      release.run();
    }
    return Answers.done();
  }
}
