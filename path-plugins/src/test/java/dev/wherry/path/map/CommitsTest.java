package dev.wherry.path.map;

import static dev.wherry.path.map.BlockMap.NEWER;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.BitSet;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class CommitsTest {
  private static final Geometry LARGE = new Geometry(4096, 4L << 40);

  private final BitSet looked = new BitSet();

  private final States states =
      new States(
          LARGE,
          (slabs, size) ->
              new Pages(slabs, size) {
                @Override
                long slot(int page) {
                  looked.set(page);
                  return super.slot(page);
                }
              });
  private final Commits commits =
      new Commits(
          states,
          new Extents(LARGE),
          new Journal(new ForgetfulFile(), 0, 0, states, Runnable::run),
          states,
          Runnable::run);

  private void write(long block) {
    states.pending.fill(block, block + 1, States.OVER_NONE);
    states.live.fill(block, block + 1, NEWER);
  }

  @Test
  void aCommitLooksOnlyAtPagesWithSomethingPending() {
    for (int n = 1; n <= 16; n *= 2) {
      for (int i = 0; i < n; i++) {
        write((i * 4001L + 4000 + n) * Pages.PER_PAGE + 77);
      }
      looked.clear();
      CompletableFuture<Void> flush = new CompletableFuture<>();
      CompletableFuture<Void> done = commits.commit(() -> flush);
      commits.dropped(5, 6);
      flush.complete(null);
      done.join();
      // That of the block that changed meanwhile; the last one, for how many blocks there are.
      assertTrue(looked.cardinality() <= n + 2, looked.cardinality() + " of 65536 pages, for " + n);
    }
    assertEquals(LARGE.blocks(), states.pending.count(States.SETTLED));
  }

  @Test
  void commitsOfNothingAreFlushesBesideEachOther() {
    CompletableFuture<Void> first = new CompletableFuture<>();
    CompletableFuture<Void> second = new CompletableFuture<>();
    CompletableFuture<Void> slow = commits.commit(() -> first);
    CompletableFuture<Void> fast = commits.commit(() -> second);
    second.complete(null);
    assertTrue(fast.isDone());
    assertFalse(slow.isDone());
  }

  @Test
  void whatBecameZeroDuringTheFlushIsNotClaimed() {
    write(7);
    write(8);
    CompletableFuture<Void> flush = new CompletableFuture<>();
    CompletableFuture<Void> done = commits.commit(() -> flush);
    commits.dropped(7, 8);
    flush.complete(null);
    assertTrue(done.isDone());
    assertEquals(States.OVER_NONE, states.pending.get(7));
    assertEquals(States.SETTLED, states.pending.get(8));
  }
}
