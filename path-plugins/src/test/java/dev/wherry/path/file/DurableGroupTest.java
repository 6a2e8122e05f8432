package dev.wherry.path.file;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class DurableGroupTest {
  private final AtomicReference<@Nullable Throwable> broken = new AtomicReference<>();
  private final DurableGroup group = new DurableGroup(broken::get);

  @Test
  void aCallAloneAnswersAtOnce() {
    assertEquals(7, group.run(() -> CompletableFuture.completedFuture(7)).join());
  }

  @Test
  void aFlushDoesNotSucceedBesideADurableWriteThatTookTheError() {
    CompletableFuture<Void> write = new CompletableFuture<>();
    CompletableFuture<Void> sync = new CompletableFuture<>();
    CompletableFuture<Void> written = group.run(() -> write);
    CompletableFuture<Void> flushed = group.run(() -> sync);
    sync.complete(null);
    assertFalse(flushed.isDone());
    broken.set(new IllegalStateException("EIO"));
    write.completeExceptionally(new IllegalStateException("EIO"));
    assertTrue(written.isCompletedExceptionally());
    assertTrue(flushed.isCompletedExceptionally());
  }

  @Test
  void itWaitsForThoseBesideItAndNotForLaterOnes() {
    CompletableFuture<Void> first = new CompletableFuture<>();
    CompletableFuture<Void> second = new CompletableFuture<>();
    CompletableFuture<Void> one = group.run(() -> first);
    CompletableFuture<Void> two = group.run(() -> second);
    first.complete(null);
    group.run(CompletableFuture<Void>::new);
    assertFalse(one.isDone());
    second.complete(null);
    assertTrue(one.isDone());
    assertFalse(two.isDone(), "the third one runs beside the second");
  }

  @Test
  void oneThatFailsForItsOwnReasonTakesNoOtherWithIt() {
    CompletableFuture<Void> noSpace = new CompletableFuture<>();
    CompletableFuture<Void> sync = new CompletableFuture<>();
    group.run(() -> noSpace);
    CompletableFuture<Void> flushed = group.run(() -> sync);
    sync.complete(null);
    noSpace.completeExceptionally(new IllegalStateException("ENOSPC"));
    assertTrue(flushed.isDone());
    assertFalse(flushed.isCompletedExceptionally());
  }
}
