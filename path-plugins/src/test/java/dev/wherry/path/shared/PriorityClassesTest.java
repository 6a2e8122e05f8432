package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.wherry.nbd.Export;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** What somebody waits for overtakes what nobody does: each is sent in its class. */
class PriorityClassesTest extends TwoNodes {
  private Set<Priority> classes(Op op, String from) {
    Set<Priority> all = EnumSet.noneOf(Priority.class);
    nodes.wire.sent(op).stream()
        .filter(s -> s.from().equals(from))
        .forEach(s -> all.add(s.priority()));
    return all;
  }

  @Test
  void whatComesAheadIsBackground() {
    open("move", true);
    nodes.pass(Duration.ofSeconds(10));
    assertEquals(Set.of(Priority.BACKGROUND), classes(Op.PRECOPY, "b"));
  }

  @Test
  void aHostsReadOvertakesTheMove() {
    open("move", true);
    nodes.wire.hold(Op.PRECOPY);
    nodes.wire.hold(Op.FETCH);
    b.activate();
    nodes.wire.forget();
    nodes.pass(Duration.ofSeconds(1));
    assertEquals(Set.of(Priority.BACKGROUND), classes(Op.FETCH, "b"));
    nodes.wire.forget();
    CompletableFuture<?> read = b.volume().read(7 * BLOCK, 10).thenAccept(d -> d.release());
    CompletableFuture<?> write = b.volume().write(9 * BLOCK + 1, Bytes.lend(new byte[10]), 0);
    nodes.pass(Duration.ofSeconds(1));
    List<Wire.Sent> asked = nodes.wire.sent(Op.FETCH);
    for (long block : new long[] {7, 9}) {
      assertEquals(
          1,
          asked.stream()
              .filter(s -> s.offset() == block * BLOCK && s.priority() == Priority.DEMAND)
              .count(),
          "block " + block + " in " + asked);
    }
    nodes.wire.pass(Op.FETCH);
    nodes.await(read);
    nodes.await(write);
  }

  @Test
  void soDoesOneThatComesFromAnotherNodeAndOneThatFallsThroughToAnother() {
    open("pull", true);
    b.activate();
    Nodes.Node c = nodes.share(b, "c");
    c.activate();
    nodes.wire.forget();
    b.read(3 * BLOCK, 10);
    assertEquals(Set.of(Priority.DEMAND), classes(Op.READ, "b"));
    assertEquals(Set.of(Priority.DEMAND), classes(Op.FETCH, "c"));
    assertEquals(Set.of(Priority.DEMAND), classes(Op.FETCH, "b"), "from a");
  }

  @Test
  void theMoveFallsThroughInTheBackground() {
    open("pull", true);
    b.activate();
    Nodes.Node c = nodes.share(b, "c");
    c.activate();
    nodes.wire.forget();
    nodes.await(c.volume().policies("move", WritePolicy.LOCAL, List.of(), true));
    nodes.pass(Duration.ofSeconds(10));
    assertEquals(Set.of(Priority.BACKGROUND), classes(Op.FETCH, "c"));
    assertEquals(Set.of(Priority.BACKGROUND), classes(Op.FETCH, "b"));
  }

  @Test
  void whatAlsoGoesToTheSourceHasAClassOfItsOwnAndTheOwnershipGoesBeforeAll() {
    open("pull", true);
    a.stop();
    a.batches = new Batches();
    a.start();
    b.activate();
    nodes.await(b.volume().policies("pull", WritePolicy.THROUGH, List.of(), true));
    nodes.await(b.volume().write(0, Bytes.lend(new byte[BLOCK]), Export.FUA));
    assertFalse(nodes.wire.sent(Op.STORE_WRITE).isEmpty());
    assertEquals(Set.of(Priority.MIRROR), classes(Op.STORE_WRITE, "b"));
    for (Op op : new Op[] {Op.PREPARE, Op.PLEDGE, Op.HANDOVER}) {
      assertEquals(Set.of(Priority.CONTROL), classes(op, "b"), op.toString());
    }
  }
}
