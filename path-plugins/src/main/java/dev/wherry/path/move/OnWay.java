package dev.wherry.path.move;

import dev.wherry.path.link.Priority;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The errands that are on their way: asked of the {@link Hydrator}, and not taken in yet. One
 * thread at a time sends and takes in, answers come on any; who looks may be any. Never blocks.
 */
final class OnWay {
  private final Hydrator hydrator;
  private final LongSupplier clock;
  private final Runnable answered;
  private final Queue<Errand> answers = new ConcurrentLinkedQueue<>();
  private final AtomicInteger count = new AtomicInteger();
  private volatile long heardAt;

  /**
   * @param clock nanoseconds
   * @param answered called on the thread that brought an answer, also from within {@link #send}
   */
  OnWay(Hydrator hydrator, LongSupplier clock, Runnable answered, long now) {
    this.hydrator = hydrator;
    this.clock = clock;
    this.answered = answered;
    this.heardAt = now;
  }

  /** Errands that were not taken in. */
  int count() {
    return count.get();
  }

  /** How long something has been on its way and nothing has come, in nanoseconds. */
  long silentNanos(long now) {
    return count.get() > 0 ? now - heardAt : 0;
  }

  /** Asks. How it ended, also what was thrown, is in the errand when {@link #next} has it. */
  void send(Errand e, long now) {
    if (count.incrementAndGet() == 1) {
      heardAt = now;
    }
    switch (e.kind) {
      case DATA ->
          ask(e, () -> hydrator.hydrate(e.from, e.end, Priority.BACKGROUND), n -> e.fetched = n);
      case ZERO -> ask(e, () -> hydrator.hydrateZero(e.from, e.end), none -> {});
      case EXTENTS -> ask(e, () -> hydrator.extents(e.from, e.end), x -> e.extents = x);
      case SETTLE -> ask(e, hydrator::settle, none -> {});
    }
  }

  private <T> void ask(Errand e, Supplier<CompletableFuture<T>> request, Consumer<T> keep) {
    CompletableFuture<T> answer;
    try {
      answer = request.get();
    } catch (RuntimeException failure) {
      answer = CompletableFuture.failedFuture(failure);
    }
    var unused =
        answer.whenComplete(
            (value, failure) -> {
              e.doneAt = clock.getAsLong();
              if (failure == null) {
                keep.accept(value);
              } else {
                e.failure = failure;
              }
              answers.add(e);
              answered.run();
            });
  }

  /** Takes in one that has ended, or null. */
  @Nullable Errand next(long now) {
    Errand e = answers.poll();
    if (e != null) {
      count.decrementAndGet();
      heardAt = now;
    }
    return e;
  }
}
