package dev.wherry.path;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdError;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A storage unit as hosts hold it open: a SUID and, behind it, a path handler that can be replaced
 * while requests come in. Being a block device, it can also be what another volume lies on.
 *
 * <h2>Changing what is behind it</h2>
 *
 * {@link #suspend()} holds new requests and is done once those in flight have ended at the device;
 * {@link #swap} puts another handler in place; {@link #resume()} lets the held ones go, in their
 * order, to the new handler. Nobody attached sees more than a pause. A FLUSH goes to the handler
 * that is there when it comes: whoever swaps flushes the old handler first, unless the new one
 * covers what was written through the old.
 *
 * <h2>Failing</h2>
 *
 * When a flush fails, or a request with {@link Export#FUA} fails with EIO, what was written before
 * may be lost and asking again would not tell. The volume is then {@link VolumeState#FAILED}: every
 * request, also those held, gets EIO until {@link #reopen}.
 *
 * <h2>Threads</h2>
 *
 * All methods are safe on any thread and do not block. Futures complete, and held requests start,
 * on whichever thread ends the wait: the one that resumes, fails or closes, or the one on which the
 * last request in flight ended.
 */
public final class Volume implements BlockDevice {
  private final String suid;
  private final Gate gate = new Gate();
  private final Uses uses = new Uses();
  private final Transit transit;

  public Volume(String suid, PathHandler handler) {
    this(suid, handler, System::nanoTime);
  }

  /**
   * @param nanoClock the time in nanoseconds since any fixed moment
   */
  public Volume(String suid, PathHandler handler, LongSupplier nanoClock) {
    this.suid = suid;
    this.transit = new Transit("volume " + suid, handler, gate, nanoClock);
  }

  public String suid() {
    return suid;
  }

  public VolumeState state() {
    return transit.state();
  }

  /** Why the volume is failed or closed. */
  public Optional<Throwable> failure() {
    return Optional.ofNullable(transit.failure());
  }

  /** The handler that serves requests, or will when the volume is resumed. */
  public PathHandler handler() {
    return transit.handler();
  }

  /** Requests at the handler now. */
  public long inFlight() {
    return gate.inside();
  }

  /** Requests that wait for the volume to be resumed. */
  public int held() {
    return transit.heldCount();
  }

  // ------------------------------------------------------------------ suspend, swap, resume

  /**
   * Holds new requests and waits for those in flight, however long they take.
   *
   * @return done when nothing refers to the handler's devices any more; fails with {@link
   *     IllegalStateException} if the volume is not online, or fails, is closed or is resumed
   *     before that
   */
  public CompletableFuture<Void> suspend() {
    return transit.suspend();
  }

  /**
   * As {@link #suspend()}, but requests that do not end within {@code limit} make it fail, and the
   * volume is online again.
   */
  public CompletableFuture<Void> suspend(Duration limit, ScheduledExecutorService scheduler) {
    return transit.suspend(limit, scheduler);
  }

  /**
   * Replaces the handler.
   *
   * @return the one that was there, not closed
   * @throws IllegalStateException unless the volume is suspended and drained
   */
  public PathHandler swap(PathHandler next) {
    return transit.swap(next);
  }

  /**
   * Lets requests through again, the held ones first. One that lies past the end of a handler that
   * is smaller than the one it was validated for fails as it would have at the edge. A suspension
   * that has not drained yet ends with an error.
   *
   * @return nanoseconds from suspend to now: the downtime
   * @throws IllegalStateException if the volume is not suspended
   */
  public long resume() {
    return transit.resume();
  }

  /**
   * Has a listener called at every suspension, until the same object is removed. Add it before the
   * first request.
   */
  public void addSuspendListener(SuspendListener listener) {
    transit.listeners().add(listener);
  }

  public void removeSuspendListener(SuspendListener listener) {
    transit.listeners().remove(listener);
  }

  /**
   * Asks all suspend listeners to let go of the device, without suspending: for a device below that
   * is being suspended itself.
   *
   * @return done when they have
   */
  public CompletableFuture<Void> letGo() {
    return Answers.join(transit.askListeners());
  }

  // ------------------------------------------------------------------ fail, reopen, resize, close

  /** Fails every request from now on, and those held, with EIO. The first cause stays. */
  public void fail(Throwable cause) {
    transit.fail(cause);
  }

  /**
   * Done when no request is at the handler of a failed or closed volume, and connections have let
   * go of it: it may be closed then, for example to open its file anew. Fails with {@link
   * IllegalStateException} in any other state.
   */
  public CompletableFuture<Void> drained() {
    return transit.drained();
  }

  /**
   * Puts a failed volume online with another handler, once the requests in flight at the failed one
   * have ended.
   *
   * @return the failed handler, not closed; fails with {@link IllegalStateException} if the volume
   *     is not failed
   */
  public CompletableFuture<PathHandler> reopen(PathHandler next) {
    return transit.reopen(next);
  }

  /**
   * Changes the size, in bytes, while requests are held. Connections see it when they next ask for
   * {@link #info()}.
   *
   * @return fails as {@link BlockDevice#resize} does, or as {@link #suspend()}
   */
  @Override
  public CompletableFuture<Void> resize(long size) {
    return resizeOnce(suspend(), size);
  }

  /** As {@link #resize(long)}, but nothing is changed if requests do not end within the limit. */
  public CompletableFuture<Void> resize(
      long size, Duration limit, ScheduledExecutorService scheduler) {
    return resizeOnce(suspend(limit, scheduler), size);
  }

  private CompletableFuture<Void> resizeOnce(CompletableFuture<Void> suspended, long size) {
    return suspended.thenCompose(
        v ->
            CompletableFuture.completedFuture(size)
                .thenCompose(handler()::resize)
                .whenComplete((w, t) -> resume()));
  }

  /**
   * Ends the volume: fails held and new requests with EIO, waits for those in flight, closes the
   * handler. A second call returns the same future.
   */
  @Override
  public CompletableFuture<Void> close() {
    return transit.close();
  }

  // ------------------------------------------------------------------ uses

  /**
   * Says that the volume is needed, so that it is not deleted.
   *
   * @param user the SUID of the volume that needs it
   * @param reason for the operator who tries to delete it
   * @return gives the use up; a second run does nothing
   * @throws IllegalStateException if the volume is being deleted
   */
  public Runnable retain(String user, String reason) {
    return uses.add(suid, user, reason);
  }

  /** SUIDs of the volumes that need this one. */
  public Set<String> users() {
    return uses.users();
  }

  /** The reasons of all uses. */
  public List<String> uses() {
    return uses.reasons();
  }

  /**
   * Allows no further use: the first step of deleting the volume.
   *
   * @throws IllegalStateException if it is in use; the message says by whom
   */
  public void retire() {
    uses.retire(suid);
  }

  // ------------------------------------------------------------------ requests

  /** The spec of an alias: {@code wherry:SUID}. */
  @Override
  public String describe() {
    return "wherry:" + suid;
  }

  @Override
  public ExportInfo info() {
    return handler().info();
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    return run(new Request<>(offset, length, NbdError.EINVAL, false, h -> h.read(offset, length)));
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return run(
        new Request<>(
            offset,
            data.readableBytes(),
            NbdError.ENOSPC,
            (flags & FUA) != 0,
            h -> h.write(offset, data, flags)));
  }

  @Override
  public CompletableFuture<Void> flush() {
    return run(new Request<>(0, 0, NbdError.EIO, true, PathHandler::flush));
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return run(
        new Request<>(
            offset,
            length,
            NbdError.EINVAL,
            (flags & FUA) != 0,
            h -> h.trim(offset, length, flags)));
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return run(
        new Request<>(
            offset,
            length,
            NbdError.ENOSPC,
            (flags & FUA) != 0,
            h -> h.zero(offset, length, flags)));
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return run(new Request<>(offset, length, NbdError.EINVAL, false, h -> h.cache(offset, length)));
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    return run(
        new Request<>(
            offset,
            length,
            NbdError.EINVAL,
            false,
            h -> h.status(context, offset, length, maxExtents)));
  }

  private <T> CompletableFuture<T> run(Request<T> request) {
    return gate.enter() ? transit.start(request) : transit.startOrHold(request);
  }

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    if (!gate.enter()) {
      return false;
    }
    try {
      PathHandler h = handler();
      return fits(h, offset, length) && h.tryRead(offset, length, into);
    } finally {
      transit.leave();
    }
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    if (!gate.enter()) {
      return false;
    }
    try {
      PathHandler h = handler();
      return fits(h, offset, data.readableBytes()) && h.tryWrite(offset, data);
    } finally {
      transit.leave();
    }
  }

  @Override
  public @Nullable FileSlice trySend(long offset, int length) {
    if (!gate.enter()) {
      return null;
    }
    try {
      PathHandler h = handler();
      return fits(h, offset, length) ? h.trySend(offset, length) : null;
    } finally {
      transit.leave();
    }
  }

  /** Whether the volume still has the range: it may have shrunk since it was validated. */
  private static boolean fits(PathHandler handler, long offset, int length) {
    return offset + length <= handler.info().size();
  }

  @Override
  public String toString() {
    return "volume " + suid;
  }
}
