package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.wherry.path.TestPolicies;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.redirect.RedirectPolicy;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** {@code redirect}: what is not here is read at the source, and nothing is kept. */
class RedirectPolicyTest extends UnderPolicy {
  @Test
  void aReadOfWhatIsNotHereIsFetchedEachTime() throws IOException {
    expectFetch(open(RedirectPolicy.NAME), BlockMap.NOT_HERE);
  }

  @Test
  void aWriteOfAPartBringsTheRestFirst() throws IOException {
    expectCompletion(open(RedirectPolicy.NAME));
  }

  @Test
  void nothingIsReadAhead() throws IOException {
    assertEquals(0, readAhead(open(RedirectPolicy.NAME)));
  }

  @Test
  void nothingComesInTheBackground() throws IOException {
    assertEquals(0, toMove(open(RedirectPolicy.NAME)));
  }

  @Test
  void theFormerOwnerIsReleasedWhenAllIsHere() {
    Nodes nodes = takenOver(TestPolicies.SHIPPED, RedirectPolicy.NAME);
    assertEquals(
        "32 of 32 blocks of volume v are not on node b yet", nodes.refusal(a.volume().release()));
  }
}
