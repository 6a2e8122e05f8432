package dev.wherry.path.shared;

import static dev.wherry.path.shared.StoreFixture.BLOCK;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which changes go past the locks, and which wait for those that do. Block 0 is settled. */
class ChangeOrderTest {
  @TempDir Path directory;
  private StoreFixture f;
  private final ChangeOrder order = new ChangeOrder(BLOCK);
  private final List<CompletableFuture<Void>> begun = new ArrayList<>();

  @BeforeEach
  void settleTheFirstBlock() throws IOException {
    f = new StoreFixture(directory, "pull");
    f.write(0, Bytes.of(2, BLOCK));
    f.store.flush().join();
    assertTrue(f.map.settled(0, 1));
  }

  @AfterEach
  void close() {
    f.close();
  }

  private CompletableFuture<Void> begin() {
    CompletableFuture<Void> work = new CompletableFuture<>();
    begun.add(work);
    return work;
  }

  private boolean mayPass(long offset, int length) {
    boolean may = order.mayPass(f.map, offset, length);
    if (may) {
      order.passed();
    }
    return may;
  }

  @Test
  void aWritePassesWhereAllItsBlocksAreSettled() {
    assertTrue(mayPass(100, BLOCK - 100));
    assertFalse(mayPass(100, BLOCK));
    assertFalse(mayPass(BLOCK, 1));
    assertTrue(mayPass(BLOCK, 0));
  }

  @Test
  void noWritePassesWhileAChangeWidens() {
    CompletableFuture<Void> wide = order.widened(5, 6, this::begin);
    assertFalse(mayPass(0, BLOCK));
    begun.get(0).complete(null);
    assertTrue(wide.isDone());
    assertTrue(mayPass(0, BLOCK));
  }

  @Test
  void aWideChangeWaitsForNoWriteThatPassed() {
    assertTrue(order.mayPass(f.map, 0, BLOCK));
    CompletableFuture<Void> wide = order.widened(0, 1, this::begin);
    assertEquals(1, begun.size());
    begun.get(0).complete(null);
    assertTrue(wide.isDone());
    order.passed();
  }

  @Test
  void anUnsettlingChangeWaitsForTheWritesThatPassedAndLetsNoMorePass() {
    assertTrue(order.mayPass(f.map, 0, BLOCK));
    CompletableFuture<Void> forgotten = order.unsettled(0, 1, this::begin);
    assertEquals(0, begun.size());
    assertFalse(mayPass(0, BLOCK));
    order.passed();
    assertEquals(1, begun.size());
    assertFalse(mayPass(0, BLOCK));
    begun.get(0).complete(null);
    assertTrue(forgotten.isDone());
    assertTrue(mayPass(0, BLOCK));
  }

  @Test
  void aChangeThatFailsLetsWritesPassAgain() {
    CompletableFuture<Void> forgotten = order.unsettled(0, 1, this::begin);
    begun.get(0).completeExceptionally(new IOException("the disk"));
    assertTrue(forgotten.isCompletedExceptionally());
    assertTrue(mayPass(0, BLOCK));
  }

  @Test
  void whatHoldsABlockWaitsForWhoeverHasIt() {
    CompletableFuture<Void> first = order.widened(0, 2, this::begin);
    CompletableFuture<Void> second = order.held(1, 2, this::begin);
    assertEquals(1, begun.size());
    begun.get(0).complete(null);
    assertTrue(first.isDone());
    assertEquals(2, begun.size());
    begun.get(1).complete(null);
    assertTrue(second.isDone());
  }
}
