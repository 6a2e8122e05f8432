package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.move.VirtualTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

class TurnsTest {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private final VirtualTime time = new VirtualTime();
  private final Turns turns = new Turns("v", time, LIMIT);
  private final List<String> begun = new ArrayList<>();

  private CompletableFuture<Void> take(String what, CompletableFuture<Void> end) {
    return turns.take(
        what,
        () -> {
          begun.add(what);
          return end;
        });
  }

  @Test
  void whoComesBeforeTheEndOfAnotherChangeWaitsForIt() {
    CompletableFuture<Void> first = new CompletableFuture<>();
    CompletableFuture<Void> second = new CompletableFuture<>();
    take("activated", first);
    CompletableFuture<Void> released = take("released", second);
    CompletableFuture<Void> given = take("handed over", CompletableFuture.completedFuture(null));
    assertEquals(List.of("activated"), begun);
    first.complete(null);
    assertEquals(List.of("activated", "released"), begun);
    assertFalse(released.isDone());
    second.completeExceptionally(new IllegalStateException("it cannot be"));
    assertTrue(released.isCompletedExceptionally());
    assertTrue(given.isDone());
    turns.begin("changed");
  }

  @Test
  void whoseTurnDoesNotComeInTimeIsRefusedAndDoesNothing() {
    turns.begin("activated");
    CompletableFuture<Void> released = take("released", CompletableFuture.completedFuture(null));
    time.pass(LIMIT.toNanos() - 1);
    assertFalse(released.isDone());
    time.pass(1);
    Throwable refused = assertThrows(CompletionException.class, released::join).getCause();
    assertEquals("volume v is being activated", refused.getMessage());
    turns.end();
    assertEquals(List.of(), begun);
    turns.begin("changed");
  }

  @Test
  void aChangeThatCannotBeginGivesItsTurnBack() {
    CompletableFuture<Void> failed =
        turns.take(
            "released",
            () -> {
              throw new IllegalStateException("it cannot be");
            });
    assertThrows(CompletionException.class, failed::join);
    turns.begin("changed");
    assertThrows(ShareException.class, () -> turns.begin("released"));
  }
}
