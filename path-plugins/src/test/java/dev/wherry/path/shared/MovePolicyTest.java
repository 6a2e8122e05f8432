package dev.wherry.path.shared;

import static dev.wherry.path.shared.StoreFixture.BLOCKS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.TestPolicies;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.move.MovePolicy;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** {@code move}: all of it comes here. */
class MovePolicyTest extends UnderPolicy {
  @Test
  void aReadOfWhatIsNotHereIsFetchedBeforeItsTurnAndKept() throws IOException {
    expectFetch(open(MovePolicy.NAME), BlockMap.SAME);
  }

  @Test
  void aWriteOfAPartBringsTheRestFirst() throws IOException {
    expectCompletion(open(MovePolicy.NAME));
  }

  @Test
  void whatWillBeReadNextComesBefore() throws IOException {
    assertTrue(readAhead(open(MovePolicy.NAME)) > 0);
  }

  @Test
  void allOfItComesInTheBackground() throws IOException {
    assertEquals(BLOCKS, toMove(open(MovePolicy.NAME)));
  }

  @Test
  void theFormerOwnerIsReleasedWhenAllIsHere() {
    Nodes nodes = takenOver(TestPolicies.SHIPPED, MovePolicy.NAME);
    nodes.pass(Duration.ofMinutes(1));
    a.release();
    assertTrue(b.volume().isPlain());
  }
}
