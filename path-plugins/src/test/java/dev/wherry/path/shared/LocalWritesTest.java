package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Under {@code local} the source stays as it was, though it would take what the owner writes. */
class LocalWritesTest extends TwoNodes {
  private final Batches batches = new Batches();

  private void write(WritePolicy policy) {
    open("pull", true);
    a.stop();
    a.batches = batches;
    a.start();
    b.activate();
    nodes.await(b.volume().policies("pull", policy, List.of(), true));
    b.write(3 * BLOCK, Bytes.of(2, 2 * BLOCK));
    nodes.await(b.volume().zero(9 * BLOCK, BLOCK, 0));
    nodes.await(b.volume().flush());
    nodes.pass(Duration.ofMinutes(1));
  }

  @Test
  void theSourceStaysAsItWas() {
    write(WritePolicy.LOCAL);
    assertNull(b.volume().lag());
    assertTrue(batches.isEmpty());
    assertArrayEquals(content, a.disk.content(0, SIZE));
  }

  /** What the other test would see if it did not. */
  @Test
  void underBackItDoesNot() {
    write(WritePolicy.BACK);
    byte[] changed = Bytes.with(content, 3 * BLOCK, Bytes.of(2, 2 * BLOCK));
    assertArrayEquals(Bytes.with(changed, 9 * BLOCK, new byte[BLOCK]), a.disk.content(0, SIZE));
  }
}
