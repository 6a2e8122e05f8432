package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdException;
import dev.wherry.path.TestPolicies;
import dev.wherry.path.move.VirtualTime;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SourceWaitTest {
  private static final int BLOCK = 4096;
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final VirtualTime time = new VirtualTime();
  private final Disk disk = new Disk(BLOCK);
  private final SourceWait wait =
      new SourceWait(
          new Ledger(
              new LayeredStore(
                  disk,
                  BLOCK,
                  BLOCK,
                  null,
                  new Policies(TestPolicies.SHIPPED, "pull", List.of(), BLOCK)),
              true,
              Following.with(null).stalling(true),
              time::now),
          PATIENCE,
          time,
          time::now);

  @AfterEach
  void end() {
    disk.free();
  }

  @Test
  void aFlushThatWaitedForTheSourceInVainDoesNotFailTheVolume() {
    CompletableFuture<Void> waited = wait.until(new CompletableFuture<>());
    time.step();
    assertEquals(PATIENCE.toNanos(), time.now());
    assertTrue(waited.isDone());
    Throwable why = assertThrows(CompletionException.class, waited::join).getCause();
    assertTrue(((NbdException) why).isHarmless());
  }

  @Test
  void itEndsWhenTheSourceIsThere() {
    CompletableFuture<Void> there = new CompletableFuture<>();
    CompletableFuture<Void> waited = wait.until(there);
    assertFalse(waited.isDone());
    there.complete(null);
    assertTrue(waited.isDone() && !waited.isCompletedExceptionally());
  }
}
