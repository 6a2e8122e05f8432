package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.BLOCK;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.link.Op;
import dev.wherry.path.map.BlockMap;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * What a hand-over and the requests that are under way wait for, and that an owner which cannot
 * give the volume away keeps it.
 */
class HandOverWithRequestsTest extends HandOverNodes {
  @Test
  void requestsOfBothSidesAreHeldAndThenServed() {
    open(true);
    CompletableFuture<Void> disk = a.disk.holdWrites();
    CompletableFuture<Void> slow = a.volume().write(0, Bytes.lend(Bytes.of(2, BLOCK)), 0);
    CompletableFuture<Void> activated = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    a.disk.passWrites();
    CompletableFuture<Void> there = a.volume().write(BLOCK, Bytes.lend(Bytes.of(3, BLOCK)), 0);
    CompletableFuture<Void> here = b.volume().write(2 * BLOCK, Bytes.lend(Bytes.of(4, BLOCK)), 0);
    nodes.pass(Duration.ofSeconds(1));
    assertFalse(activated.isDone() || there.isDone() || here.isDone());
    disk.complete(null);
    Stream.of(slow, activated, there, here).forEach(nodes::await);
    expectOwner(b, a, 2);
    byte[] expected = Bytes.with(content, 0, Bytes.of(2, BLOCK));
    expected = Bytes.with(expected, BLOCK, Bytes.of(3, BLOCK));
    b.expect(Bytes.with(expected, 2 * BLOCK, Bytes.of(4, BLOCK)));
  }

  @Test
  void anOwnerThatCannotDrainRefusesAndGoesOn() {
    open(true);
    CompletableFuture<Void> disk = a.disk.holdWrites();
    CompletableFuture<Void> slow = a.volume().write(0, Bytes.lend(Bytes.of(9, 10)), 0);
    CompletableFuture<Void> activated = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    CompletableFuture<Void> held = b.volume().write(0, Bytes.lend(Bytes.of(8, 10)), 0);
    assertTrue(nodes.refusal(activated).contains("could not be handed over"));
    a.disk.passWrites();
    disk.complete(null);
    nodes.await(slow);
    nodes.await(held);
    expectNothingHappened();
    b.activate();
    expectOwner(b, a, 2);
  }

  @Test
  void hostsAreNotHeldForWhatAStandbyReadsOfASourceThatHangs() {
    open("move", true);
    b.activate();
    nodes.wire.hold(Op.FETCH);
    nodes.await(b.volume().policies("redirect", WritePolicy.LOCAL, List.of(), true));
    nodes.share(b, "c");
    nodes.pass(Duration.ofSeconds(1));
    CompletableFuture<Void> back = a.volume().activate(false);
    nodes.pass(Duration.ofSeconds(2));
    CompletableFuture<Void> write = b.volume().write(0, Bytes.lend(Bytes.of(2, BLOCK)), 0);
    nodes.pass(Duration.ofMillis(100));
    assertTrue(write.isDone());
    assertTrue(nodes.refusal(back).contains("does not come to its end"));
    nodes.wire.pass(Op.FETCH);
    nodes.pass(Duration.ofSeconds(30));
    a.activate();
    expectOwner(a, b, 3);
  }

  /** Else a server that was away would get once more what others have overwritten since. */
  @Test
  void whoGivesTheVolumeAwayLetsGoOfTheServerAsItHasWrittenIt() {
    open(true);
    a.stop();
    String server = "nbd://server/v";
    nodes.await(nodes.await(a.memory.create(7, BlockMap.NOT_HERE)).close());
    nodes.await(a.memory.put(a.memory.state().withSources(server, null, 7)));
    List<HeldSource> opened = new ArrayList<>();
    a.servers =
        uri -> {
          opened.add(new HeldSource(uri, content));
          return CompletableFuture.completedFuture(opened.get(opened.size() - 1));
        };
    a.start();
    a.expect(content);
    assertEquals(1, opened.size());
    b.activate();
    nodes.pass(Duration.ofSeconds(1));
    assertTrue(opened.get(0).closed());
    assertEquals(server, a.state().source());
    b.expect(content);
  }

  @Test
  void anOwnerThatCannotRememberItRefusesAndGoesOn() {
    open(true);
    a.memory.fail(true);
    assertTrue(nodes.refusal(b.volume().activate(false)).contains("the catalog cannot be written"));
    expectNothingHappened();
  }

  @Test
  void anOwnerThatHasPromisedItRemembersLaterWhatItHasGiven() {
    open(true);
    nodes.wire.hold(Op.HANDOVER);
    CompletableFuture<Void> activated = b.volume().activate(false);
    nodes.pass(Duration.ofSeconds(1));
    a.memory.fail(true);
    nodes.wire.pass(Op.HANDOVER);
    nodes.await(activated);
    assertEquals(Role.OWNER, a.memory.state().role());
    a.crash();
    a.start();
    expectOwner(b, a, 2);
    b.expect(content);
  }

  @Test
  void anOwnerThatCannotBeReachedIsNotAskedForEver() {
    open(true);
    nodes.wire.cut("a", "b");
    nodes.refusal(b.volume().activate(false));
    nodes.mend(a, b);
    expectNothingHappened();
  }
}
