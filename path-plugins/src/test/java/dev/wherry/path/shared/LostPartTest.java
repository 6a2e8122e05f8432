package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static dev.wherry.path.shared.Nodes.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node that was the owner's source deletes what it has, and gets a part anew perhaps. */
class LostPartTest {
  private final byte[] content = Bytes.of(1, SIZE);
  @TempDir Path directory;
  private Nodes nodes;
  private Nodes.Node a;
  private Nodes.Node b;

  @BeforeEach
  void handOver() {
    nodes = new Nodes(directory, "pull", true);
    a = nodes.owner("a", content);
    b = nodes.share(a, "b");
    b.activate();
  }

  @AfterEach
  void close() {
    nodes.close();
  }

  private void loseAndShareAgain() {
    a.stop();
    nodes.await(b.volume().members().leave("a"));
    a.disk.put(0, Bytes.of(666, SIZE));
    nodes.shareAgain(b, a);
  }

  @Test
  void theVolumeIsHandedToANodeThatIsTheSourceNoMore() {
    b.expect(content);
    loseAndShareAgain();
    a.activate();
    assertEquals(Role.OWNER, a.memory.state().role());
    assertEquals(Role.FORMER, b.memory.state().role());
    a.write(BLOCK, Bytes.of(2, BLOCK));
    byte[] changed = Bytes.with(content, BLOCK, Bytes.of(2, BLOCK));
    a.expect(changed);
    b.expect(changed);
    b.activate();
    b.expect(changed);
    a.expect(changed);
  }

  @Test
  void whatIsMissingKeepsTheOwnershipWhereItIs() {
    b.read(0, BLOCK);
    loseAndShareAgain();
    assertTrue(nodes.refusal(a.volume().activate(false)).contains("has lost it"));
    assertEquals(Role.OWNER, b.state().role());
    assertEquals(Role.STANDBY, a.state().role());
    assertArrayEquals(Bytes.part(content, 0, BLOCK), a.read(0, BLOCK));
    nodes.error(a.volume().read(2 * BLOCK, BLOCK));
    a.write(2 * BLOCK, Bytes.of(3, BLOCK));
    assertArrayEquals(Bytes.of(3, BLOCK), b.read(2 * BLOCK, BLOCK));
  }

  @Test
  void aWholeOwnerIsPlainWhenItsSourceHasGone() {
    b.expect(content);
    a.stop();
    nodes.await(b.volume().members().gone("a"));
    assertEquals(List.of(), b.memory.state().members());
    assertNull(b.memory.state().source());
    assertTrue(b.volume().isPlain());
    b.expect(content);
  }

  @Test
  void anOwnerThatMissesBlocksLetsGoOfItsSourceWhenItHasThem() {
    b.write(0, Bytes.of(2, BLOCK));
    a.stop();
    nodes.await(b.volume().members().gone("a"));
    assertEquals("node:a", b.memory.state().source());
    assertTrue(nodes.refusal(b.volume().release()).contains("31 of 32 blocks"));
    b.write(0, Bytes.of(3, SIZE));
    assertNull(b.release());
    assertTrue(b.volume().isPlain());
    b.expect(Bytes.of(3, SIZE));
  }
}
