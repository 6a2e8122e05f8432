package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.TestPolicies;
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
  private static final List<String> POLICIES = TestPolicies.NAMES;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void everyBlockHasThePolicyOfItsRange(long seed) {
    Random random = new Random(seed);
    String[] model = new String[BLOCKS];
    Arrays.fill(model, "pull");
    List<RangePolicy> ranges = new ArrayList<>();
    for (int at = random.nextInt(20); at < BLOCKS - 20; at += random.nextInt(3) * 7) {
      int count = 1 + random.nextInt(15);
      String policy = POLICIES.get(random.nextInt(POLICIES.size()));
      Arrays.fill(model, at, at + count, policy);
      int cut = random.nextInt(BLOCK); // a range may end within a block, which it covers then
      ranges.add(new RangePolicy((long) at * BLOCK, (long) count * BLOCK - cut, policy));
      at += count;
    }
    Policies policies = new Policies(TestPolicies.SHIPPED, "pull", ranges, BLOCK);
    for (int b = 0; b < BLOCKS; b++) {
      assertEquals(
          TestPolicies.SHIPPED.of(model[b]), policies.at(b), "block " + b + " seed " + seed);
      long end = policies.runEnd(b, BLOCKS);
      assertTrue(end > b && end <= BLOCKS);
      for (int i = b; i < end; i++) {
        assertEquals(model[b], model[i], "a run has one policy");
      }
    }
    assertEquals(ranges.stream().anyMatch(r -> r.policy().equals("move")), policies.anyMoved());
  }

  @Test
  void aRunEndsWhereTheCallerSays() {
    Policies policies = new Policies(TestPolicies.SHIPPED, "move", List.of(), BLOCK);
    assertEquals(7, policies.runEnd(3, 7));
    assertTrue(policies.anyMoved());
  }

  @Test
  void aPolicyThatIsNotThereIsNamedWithThoseThatAre() {
    List<RangePolicy> ranges = List.of(new RangePolicy(0, BLOCK, "mirror"));
    for (String unknown : List.of("mirror", "", "MOVE")) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> new Policies(TestPolicies.SHIPPED, unknown, List.of(), BLOCK));
      assertEquals(
          "read policy '" + unknown + "' is unknown; there are: fail, redirect, move, pull",
          e.getMessage());
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> new Policies(TestPolicies.SHIPPED, "move", ranges, BLOCK));
  }
}
