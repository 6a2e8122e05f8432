package dev.wherry.daemon.share;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.wherry.daemon.volume.Refusal;
import dev.wherry.path.TestPolicies;
import dev.wherry.path.shared.RangePolicy;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class RangesTest {
  private static final int BLOCK = 4096;
  private static final long SIZE = (1 << 20) + 100;

  @Test
  void rangesComeInTheOrderOfTheirOffsets() {
    assertEquals(
        List.of(new RangePolicy(0, 65536, "fail"), new RangePolicy(65536, 8192, "pull")),
        Ranges.parse(List.of("64K+8192=pull", "0+64k=fail"), SIZE, BLOCK, TestPolicies.SHIPPED));
  }

  @Test
  void theLastRangeMayEndWithTheVolume() {
    assertEquals(
        List.of(new RangePolicy(1 << 20, 100, "move")),
        Ranges.parse(List.of("1M+100=move"), SIZE, BLOCK, TestPolicies.SHIPPED));
  }

  @ParameterizedTest
  @CsvSource({
    "'', MALFORMED",
    "0, MALFORMED",
    "0+4K, MALFORMED",
    "0+4K=, MALFORMED",
    "-1+4K=pull, MALFORMED",
    "0+4K=pull=pull, MALFORMED",
    "x+4K=pull, MALFORMED",
    "99999999999999999999+4K=pull, MALFORMED",
    "0+4K=nothing, IMPOSSIBLE",
    "0+0=pull, IMPOSSIBLE",
    "512+4K=pull, IMPOSSIBLE",
    "0+512=pull, IMPOSSIBLE",
    "0+2M=pull, IMPOSSIBLE",
    "2M+4K=pull, IMPOSSIBLE"
  })
  void whatIsNoRangeIsRefused(String text, Refusal.Kind kind) {
    Refusal r =
        assertThrows(
            Refusal.class, () -> Ranges.parse(List.of(text), SIZE, BLOCK, TestPolicies.SHIPPED));
    assertEquals(kind, r.kind());
  }

  @Test
  void rangesThatOverlapAreRefused() {
    assertThrows(
        Refusal.class,
        () -> Ranges.parse(List.of("0+8K=pull", "4K+4K=fail"), SIZE, BLOCK, TestPolicies.SHIPPED));
  }
}
