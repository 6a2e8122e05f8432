package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against an array with a policy for every block. */
class PoliciesTest {
  private static final int BLOCK = 4096;
  private static final int BLOCKS = 200;
  private static final List<ReadPolicy> POLICIES = List.of(ReadPolicy.values());

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void everyBlockHasThePolicyOfItsRange(long seed) {
    Random random = new Random(seed);
    ReadPolicy[] model = new ReadPolicy[BLOCKS];
    Arrays.fill(model, ReadPolicy.PULL);
    List<RangePolicy> ranges = new ArrayList<>();
    for (int at = random.nextInt(20); at < BLOCKS - 20; at += random.nextInt(3) * 7) {
      int count = 1 + random.nextInt(15);
      ReadPolicy policy = POLICIES.get(random.nextInt(POLICIES.size()));
      Arrays.fill(model, at, at + count, policy);
      int cut = random.nextInt(BLOCK); // a range may end within a block, which it covers then
      ranges.add(new RangePolicy((long) at * BLOCK, (long) count * BLOCK - cut, policy));
      at += count;
    }
    Policies policies = new Policies(ReadPolicy.PULL, ranges, BLOCK);
    for (int b = 0; b < BLOCKS; b++) {
      assertEquals(model[b], policies.at(b), "block " + b + " seed " + seed);
      long end = policies.runEnd(b, BLOCKS);
      assertTrue(end > b && end <= BLOCKS);
      for (int i = b; i < end; i++) {
        assertEquals(model[b], model[i], "a run has one policy");
      }
    }
    for (ReadPolicy p : ReadPolicy.values()) {
      boolean used = p == ReadPolicy.PULL || ranges.stream().anyMatch(r -> r.policy() == p);
      assertEquals(used, policies.any(p));
    }
  }

  @Test
  void aRunEndsWhereTheCallerSays() {
    Policies policies = new Policies(ReadPolicy.MOVE, List.of(), BLOCK);
    assertEquals(7, policies.runEnd(3, 7));
    assertTrue(policies.any(ReadPolicy.MOVE));
    assertFalse(policies.any(ReadPolicy.FAIL));
  }
}
