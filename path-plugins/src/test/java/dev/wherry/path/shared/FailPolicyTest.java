package dev.wherry.path.shared;

import static dev.wherry.path.shared.StoreFixture.BLOCK;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.wherry.path.TestPolicies;
import dev.wherry.path.fail.FailPolicy;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code fail}: what is not here is a cache miss, and nobody needs it. */
class FailPolicyTest extends UnderPolicy {
  @Test
  void aReadOfWhatIsNotHereIsAnError() throws IOException {
    expectMiss(open(FailPolicy.NAME));
  }

  @Test
  void aWriteOfAPartMakesTheRestZeroesAndFetchesNothing() throws IOException {
    StoreFixture f = open(FailPolicy.NAME);
    f.write(BLOCK + 100, Bytes.of(7, 10));
    assertArrayEquals(Bytes.with(new byte[BLOCK], 100, Bytes.of(7, 10)), f.read(BLOCK, BLOCK));
    assertEquals(List.of(), f.source.fetches());
  }

  @Test
  void nothingComesThatNobodyWrites() throws IOException {
    StoreFixture f = open(FailPolicy.NAME);
    assertEquals(0, readAhead(f));
    assertEquals(0, toMove(f));
  }

  @Test
  void theFormerOwnerMayBeReleasedAtOnce() {
    takenOver(TestPolicies.SHIPPED, FailPolicy.NAME);
    a.release();
  }
}
