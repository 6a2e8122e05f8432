package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.BLOCKS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.move.Mover;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** An owner whose disk is full: hosts hear of that, the background waits, and nothing is lost. */
class NoRoomTest extends TwoNodes {
  private NbdError write(Nodes.Node node, long offset, int length) {
    return nodes.error(node.volume().write(offset, Bytes.lend(new byte[length]), 0)).error();
  }

  private Mover.Status move() {
    Mover.Status status = b.volume().move();
    assertNotNull(status);
    return status;
  }

  @Test
  void hostsOfAllNodesAreToldSoAndTheVolumeGoesOn() {
    open("pull", true);
    b.activate();
    b.write(0, Bytes.of(2, BLOCK));
    b.disk.fill(true);
    for (Nodes.Node node : new Nodes.Node[] {a, b}) {
      assertEquals(NbdError.ENOSPC, write(node, 0, 10), "what is here, on node " + node.name);
      assertEquals(NbdError.ENOSPC, write(node, 4 * BLOCK, BLOCK), "a block, on " + node.name);
      assertEquals(NbdError.ENOSPC, write(node, 5 * BLOCK + 1, 10), "a part, on " + node.name);
      nodes.await(node.volume().flush());
      node.expect(Bytes.with(content, 0, Bytes.of(2, BLOCK)));
    }
    assertEquals(1, b.volume().blocks().here());
    b.disk.fill(false);
    a.write(5 * BLOCK + 1, Bytes.of(3, 10));
    assertArrayEquals(Bytes.of(3, 10), b.read(5 * BLOCK + 1, 10));
  }

  @Test
  void theMovePausesSaysWhyAndGoesOnWhenThereIsRoom() {
    open("move", true);
    b.disk.fill(true);
    nodes.pass(Duration.ofSeconds(10));
    assertEquals("paused", move().state(), "of what comes ahead");
    b.activate();
    nodes.pass(Duration.ofSeconds(10));
    assertEquals("paused", move().state());
    assertTrue(move().reason().contains("full"), move().reason());
    b.expect(content);
    b.disk.fill(false);
    nodes.pass(Duration.ofSeconds(30));
    assertEquals("done", move().state());
    assertEquals(BLOCKS, b.volume().blocks().here());
    b.expect(content);
  }
}
