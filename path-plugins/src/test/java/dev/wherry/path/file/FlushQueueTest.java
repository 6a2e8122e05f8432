package dev.wherry.path.file;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class FlushQueueTest {
  private final ArrayDeque<CompletableFuture<Void>> syncs = new ArrayDeque<>();
  private int started;
  private final FlushQueue<Integer> queue = new FlushQueue<>(List.of(0), this::sync);

  private CompletableFuture<Void> sync(int slot) {
    started++;
    CompletableFuture<Void> sync = new CompletableFuture<>();
    syncs.add(sync);
    return sync;
  }

  @Test
  void flushesRunSideBySideUpToTheNumberOfSlots() {
    FlushQueue<Integer> two = new FlushQueue<>(List.of(1, 2), this::sync);
    CompletableFuture<Void> first = two.flush();
    CompletableFuture<Void> second = two.flush();
    CompletableFuture<Void> third = two.flush();
    assertEquals(2, started);
    syncs.removeLast().complete(null);
    assertTrue(second.isDone() && !first.isDone());
    assertEquals(3, started, "the third takes the slot of the second");
    syncs.remove().complete(null);
    assertTrue(first.isDone() && !third.isDone());
    syncs.remove().complete(null);
    assertTrue(third.isDone());
  }

  @Test
  void flushesThatArriveDuringOneShareTheNext() {
    CompletableFuture<Void> first = queue.flush();
    CompletableFuture<Void> second = queue.flush();
    CompletableFuture<Void> third = queue.flush();
    assertEquals(1, started);
    syncs.remove().complete(null);
    assertTrue(first.isDone());
    assertFalse(second.isDone(), "the first may have begun before what the second covers");
    assertEquals(2, started);
    syncs.remove().complete(null);
    assertTrue(second.isDone() && third.isDone());
    assertEquals(2, started);
  }

  @Test
  void aFailureReachesThoseThatItServedAlone() {
    CompletableFuture<Void> first = queue.flush();
    CompletableFuture<Void> second = queue.flush();
    syncs.remove().completeExceptionally(new IllegalStateException("broken"));
    assertTrue(first.isCompletedExceptionally());
    assertFalse(second.isDone());
    syncs.remove().complete(null);
    assertFalse(second.isCompletedExceptionally());
  }

  @Test
  void afterAPauseAFlushStartsAnew() {
    queue.flush();
    syncs.remove().complete(null);
    CompletableFuture<Void> later = queue.flush();
    assertEquals(2, started);
    assertFalse(later.isDone());
  }
}
