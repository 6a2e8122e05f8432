package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An owner that gave the ownership away starts again with the data directory of before that. */
class RestoredBackupTest {
  private final byte[] content = Bytes.of(1, SIZE);
  @TempDir Path directory;
  private Nodes nodes;
  private Nodes.Node a;
  private Nodes.Node b;

  @BeforeEach
  void handOverAndRestore() {
    nodes = new Nodes(directory, "pull", true);
    a = nodes.owner("a", content);
    b = nodes.share(a, "b");
    ShareState backup = a.state();
    a.write(0, Bytes.of(2, BLOCK));
    b.activate();
    b.write(2 * BLOCK, Bytes.of(3, BLOCK));
    a.stop();
    a.memory.put(backup).join();
    a.disk.put(0, content);
    a.start();
  }

  @AfterEach
  void close() {
    nodes.close();
  }

  @Test
  void theOwnerTakesNothingFromTheOlderStore() {
    NbdException refused = nodes.error(b.volume().read(0, BLOCK));
    assertEquals(NbdError.EIO, refused.error());
    assertTrue(String.valueOf(refused.getMessage()).contains("forgotten"), refused::toString);
    assertArrayEquals(Bytes.of(3, BLOCK), b.read(2 * BLOCK, BLOCK));
  }

  @Test
  void theRestoredOwnerIsFencedAndSaysWhy() {
    nodes.error(b.volume().read(0, BLOCK));
    assertEquals(NbdError.EPERM, nodes.error(a.volume().read(0, BLOCK)).error());
    String why = String.valueOf(a.memory.state().fence());
    assertTrue(why.startsWith("node b was made the owner in epoch 2, and this node"), why);
    nodes.error(b.volume().read(0, BLOCK)); // nor later
  }
}
