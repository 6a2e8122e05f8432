package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.DeviceException;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A source that is opened when it is first needed. One that cannot be reached is tried again as
 * long as a request may take: that it is away is a pause then, too, and not only later.
 */
final class LazySource implements Source {
  /** How soon a server that could not be reached is tried again. */
  private static final long RETRY_MILLIS = 200;

  private final String name;
  private final Function<String, CompletableFuture<Source>> opener;
  private final Waits waits;
  private final Duration patience;
  private final ScheduledExecutorService timer;
  private final LongSupplier nanoClock;
  private @Nullable CompletableFuture<Source> opening;
  private boolean closed;

  /**
   * @param opener opens what is named
   * @param waits what is asked of it, and given up with it
   * @param patience how long a request waits for it to be there
   */
  LazySource(
      String name,
      Function<String, CompletableFuture<Source>> opener,
      Waits waits,
      Duration patience,
      ScheduledExecutorService timer,
      LongSupplier nanoClock) {
    this.name = name;
    this.opener = opener;
    this.waits = waits;
    this.patience = patience;
    this.timer = timer;
    this.nanoClock = nanoClock;
  }

  private CompletableFuture<Source> open() {
    CompletableFuture<Source> result = new CompletableFuture<>();
    open(nanoClock.getAsLong() + patience.toNanos(), result);
    return result;
  }

  private void open(long end, CompletableFuture<Source> result) {
    tryOnce()
        .whenComplete(
            (source, failure) -> {
              if (failure != null && isAway(failure) && nanoClock.getAsLong() - end < 0) {
                timer.schedule(() -> open(end, result), RETRY_MILLIS, TimeUnit.MILLISECONDS);
              } else {
                Failures.pass(source, failure, result);
              }
            });
  }

  /** All that wait for it wait for the same. */
  private synchronized CompletableFuture<Source> tryOnce() {
    CompletableFuture<Source> now = opening;
    if (closed) {
      return Answers.failed(NbdError.EIO, name + " is not needed any more");
    }
    if (now == null || now.isCompletedExceptionally()) {
      now = opener.apply(name);
      opening = now;
    }
    return now;
  }

  private static boolean isAway(Throwable failure) {
    return Failures.causeOf(failure) instanceof DeviceException e
        && e.reason() == DeviceException.Reason.UNAVAILABLE;
  }

  @Override
  public CompletableFuture<ByteBuf> fetch(long offset, int length, Priority priority) {
    return waits.of(
        () -> asked(open().thenCompose(s -> s.fetch(offset, length, priority))), ByteBuf::release);
  }

  @Override
  public CompletableFuture<List<Extent>> extents(long offset, long length) {
    return waits.of(() -> asked(open().thenCompose(s -> s.extents(offset, length))), e -> {});
  }

  /** What cannot be had from there leaves what was written here as safe as it was. */
  private static <T> CompletableFuture<T> asked(CompletableFuture<T> answer) {
    return answer.exceptionallyCompose(
        failure -> {
          NbdException why = Failures.nbd(failure);
          return CompletableFuture.failedFuture(
              NbdException.harmless(why.error(), String.valueOf(why.getMessage()), why));
        });
  }

  @Override
  public Sink sink() {
    return new LazySink(this::openSink, waits);
  }

  private CompletableFuture<Sink> openSink() {
    return open()
        .thenApply(
            s -> {
              Sink sink = s.sink();
              if (sink == null) {
                throw new NbdException(NbdError.ENOTSUP, name + " cannot be written");
              }
              return sink;
            });
  }

  @Override
  public synchronized CompletableFuture<Void> close() {
    CompletableFuture<Source> now = opening;
    closed = true;
    return now == null
        ? CompletableFuture.completedFuture(null)
        : now.handle((s, failure) -> s)
            .thenCompose(s -> s == null ? CompletableFuture.completedFuture(null) : s.close());
  }

  @Override
  public String describe() {
    return name;
  }
}
