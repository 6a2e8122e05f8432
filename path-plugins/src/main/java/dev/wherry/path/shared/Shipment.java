package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import dev.wherry.path.align.RangeLock;
import dev.wherry.path.link.LinkException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Sends one {@link Batch}: a few pieces at a time, first those that hosts wait for to have gone.
 */
final class Shipment {
  private static final int LANES = 4;
  private static final int MOST_ASKED = 100;

  private final Batch batch;
  private final Sink sink;
  private final @Nullable RangeLock locks;
  private final InFlight reading;
  private final AtomicLong pieces = new AtomicLong();
  private volatile long number;

  /**
   * @param locks held by whoever changes blocks; null if the caller holds all of them
   * @param reading counts what uses the store
   */
  Shipment(Batch batch, Sink sink, @Nullable RangeLock locks, InFlight reading) {
    this.batch = batch;
    this.sink = sink;
    this.locks = locks;
    this.reading = reading;
  }

  /** Sends all of it; done with its number when it is in the source. */
  CompletableFuture<Long> run() {
    return sink.begin()
        .thenCompose(
            n -> {
              number = n;
              return send();
            })
        .thenCompose(v -> commit(0))
        .thenApply(v -> number);
  }

  /**
   * Asks again where no answer comes: a large batch takes its time to be applied, and a commit that
   * was done says so whenever it is asked.
   */
  private CompletableFuture<Void> commit(int asked) {
    if (batch.isOver()) {
      return given();
    }
    return sink.commit(number, pieces.get())
        .handle(
            (v, failure) -> {
              if (failure == null) {
                return Answers.done();
              }
              Throwable cause = Failures.causeOf(failure);
              return cause.getCause() instanceof LinkException && asked < MOST_ASKED
                  ? commit(asked + 1)
                  : CompletableFuture.<Void>failedFuture(cause);
            })
        .thenCompose(done -> done);
  }

  private static <T> CompletableFuture<T> given() {
    return Answers.failed(NbdError.EIO, "the batch was given up");
  }

  private CompletableFuture<Void> send() {
    List<CompletableFuture<Void>> lanes = new ArrayList<>();
    for (int i = 0; i < LANES; i++) {
      lanes.add(Steps.repeat(this::next));
    }
    return Answers.join(lanes)
        .thenCompose(v -> batch.keptAll())
        .thenCompose(v -> batch.hasKept() ? send() : Answers.done());
  }

  /** Sends a piece; false if there was none. */
  private CompletableFuture<Boolean> next() {
    if (batch.isOver()) {
      return given();
    }
    Batch.Piece kept = batch.takeKept();
    if (kept != null) {
      return put(kept)
          .handle(
              (v, failure) -> {
                batch.sent(kept);
                if (failure != null) {
                  throw Failures.of(failure);
                }
                return true;
              });
    }
    Run run = batch.claim();
    return run == null
        ? CompletableFuture.completedFuture(false)
        : read(run).thenCompose(this::putAll).thenApply(v -> true);
  }

  private CompletableFuture<List<Batch.Piece>> read(Run run) {
    reading.enter();
    if (locks == null) {
      return readHeld(run).whenComplete((read, failure) -> reading.leave());
    }
    CompletableFuture<List<Batch.Piece>> result = new CompletableFuture<>();
    locks.lock(
        run.from(),
        run.count(),
        true,
        hold ->
            readHeld(run)
                .whenComplete(
                    (read, failure) -> {
                      hold.release();
                      reading.leave();
                      Failures.pass(read, failure, result);
                    }));
    return result;
  }

  private CompletableFuture<List<Batch.Piece>> readHeld(Run run) {
    List<CompletableFuture<Batch.Piece>> reads = batch.readRest(run);
    return Answers.join(reads)
        .handle(
            (v, failure) -> {
              if (failure != null) {
                reads.stream()
                    .filter(r -> !r.isCompletedExceptionally())
                    .forEach(r -> r.join().release());
                throw Failures.of(failure);
              }
              return reads.stream().map(CompletableFuture::join).toList();
            });
  }

  private CompletableFuture<Void> putAll(List<Batch.Piece> all) {
    return Answers.join(all.stream().map(this::put).toList());
  }

  /** Owns the piece. */
  private CompletableFuture<Void> put(Batch.Piece piece) {
    if (batch.isOver()) {
      piece.release();
      return given();
    }
    pieces.incrementAndGet();
    return piece.data() == null
        ? sink.putZero(number, piece.offset(), piece.length())
        : sink.put(number, piece.offset(), piece.data());
  }
}
