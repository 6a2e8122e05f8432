package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;

/** A test of the passage of the ownership from {@code a} to {@code b}. */
abstract class HandOverNodes extends TwoNodes {
  final void open(boolean manual) {
    open("pull", manual);
  }

  final void expectOwner(Nodes.Node owner, Nodes.Node former, long epoch) {
    assertEquals(Role.OWNER, owner.state().role());
    assertEquals(Role.FORMER, former.state().role());
    for (Nodes.Node n : List.of(owner, former)) {
      assertEquals(owner.name, n.state().owner());
      assertEquals(epoch, n.state().epoch());
      assertEquals(n.state(), n.memory.state(), "what is so is remembered");
      assertFalse(n.state().wanted());
    }
  }

  final void expectNothingHappened() {
    assertEquals(Role.OWNER, a.state().role());
    assertEquals(Role.STANDBY, b.state().role());
    assertEquals(1, b.state().epoch());
    assertFalse(b.memory.state().wanted());
    a.write(0, Bytes.of(2, 10));
    b.expect(Bytes.with(content, 0, Bytes.of(2, 10)));
  }
}
