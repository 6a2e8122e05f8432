package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.TestPolicies;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.pull.PullPolicy;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** {@code pull}: what a host reads is fetched and kept, what nobody reads stays where it is. */
class PullPolicyTest extends UnderPolicy {
  @Test
  void aReadOfWhatIsNotHereIsFetchedAndKept() throws IOException {
    expectFetch(open(PullPolicy.NAME), BlockMap.SAME);
  }

  @Test
  void aWriteOfAPartBringsTheRestFirst() throws IOException {
    expectCompletion(open(PullPolicy.NAME));
  }

  @Test
  void whatWillBeReadNextComesBefore() throws IOException {
    assertTrue(readAhead(open(PullPolicy.NAME)) > 0);
  }

  @Test
  void nothingComesInTheBackground() throws IOException {
    assertEquals(0, toMove(open(PullPolicy.NAME)));
  }

  @Test
  void theFormerOwnerIsReleasedWhenAllIsHere() {
    Nodes nodes = takenOver(TestPolicies.SHIPPED, PullPolicy.NAME);
    assertEquals(
        "32 of 32 blocks of volume v are not on node b yet", nodes.refusal(a.volume().release()));
  }
}
