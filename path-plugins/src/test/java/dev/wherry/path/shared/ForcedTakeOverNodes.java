package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;

/** A test in which {@code b} takes the ownership by force, and {@code a} may come back. */
abstract class ForcedTakeOverNodes extends TwoNodes {
  @BeforeEach
  final void open() {
    open("pull", true);
  }

  /** The same nodes, with another policy. */
  final void under(String policy) {
    nodes.close();
    Path other = assertDoesNotThrow(() -> Files.createDirectory(directory.resolve(policy)));
    nodes = new Nodes(other, policy, true);
    a = nodes.owner("a", content);
    b = nodes.share(a, "b");
  }

  final void force() {
    nodes.wire.cut("a", "b");
    nodes.await(b.volume().activate(true));
  }

  final void expectFenced() {
    assertEquals(NbdError.EPERM, nodes.error(a.volume().read(0, 1)).error());
    assertEquals(
        NbdError.EPERM, nodes.error(a.volume().write(0, Bytes.lend(new byte[1]), 0)).error());
    assertEquals(NbdError.EPERM, nodes.error(a.volume().flush()).error());
    assertNotNull(a.memory.state().fence());
    assertTrue(a.volume().fenced().isDone() || a.state().fence() != null);
  }
}
