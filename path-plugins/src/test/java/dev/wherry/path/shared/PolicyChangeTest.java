package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A write policy is what hosts get once an operator is told so. */
class PolicyChangeTest extends TwoNodes {
  private CompletableFuture<Void> held;
  private CompletableFuture<Void> write;

  /** A host's write is under way and does not end. */
  @BeforeEach
  void own() {
    open("pull", true);
    a.stop();
    a.batches = new Batches();
    a.start();
    b.activate();
    held = b.disk.holdWrites();
    write = b.volume().write(5 * BLOCK, Bytes.lend(Bytes.of(2, BLOCK)), 0);
  }

  private CompletableFuture<Void> through() {
    return b.volume().policies("pull", WritePolicy.THROUGH, List.of(), true);
  }

  private void letTheWriteEnd() {
    b.disk.passWrites();
    held.complete(null);
    nodes.await(write);
  }

  private void expectThrough() {
    b.write(3 * BLOCK, Bytes.of(3, BLOCK));
    nodes.await(b.volume().flush());
    assertArrayEquals(Bytes.of(3, BLOCK), a.disk.content(3 * BLOCK, BLOCK));
  }

  @Test
  void aChangeThatFailedIsMadeWhenItIsAskedForAgain() {
    nodes.failure(through());
    letTheWriteEnd();
    nodes.await(through());
    expectThrough();
  }
}
