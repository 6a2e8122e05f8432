package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RunTest {
  private static ByteBuf list(long... values) {
    ByteBuf out = Unpooled.buffer().writeInt(values.length / 2);
    for (long v : values) {
      out.writeLong(v);
    }
    return out;
  }

  private static void refused(ByteBuf list) {
    assertThrows(IllegalArgumentException.class, () -> Run.read(list, 100));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void whatIsWrittenIsRead(long seed) {
    Random random = new Random(seed);
    List<Run> runs = new ArrayList<>();
    long at = 0;
    for (int i = 0; i < random.nextInt(200); i++) {
      long from = at + 1 + random.nextInt(50);
      at = from + 1 + random.nextInt(1 << 20);
      Run.append(runs, from, at);
    }
    ByteBuf out = Unpooled.buffer();
    Run.write(runs, out);
    assertEquals(runs, Run.read(out, at));
    assertEquals(0, out.readableBytes());
  }

  @Test
  void runsThatTouchBecomeOne() {
    List<Run> runs = new ArrayList<>();
    Run.append(runs, 1, 3);
    Run.append(runs, 3, 4);
    Run.append(runs, 5, 6);
    assertEquals(List.of(new Run(1, 4), new Run(5, 6)), runs);
    assertEquals(4, Run.total(runs));
  }

  @Test
  void theLastBlockMayBeInARun() {
    assertEquals(List.of(new Run(99, 100)), Run.read(list(99, 1), 100));
  }

  @Test
  void aRunBeyondTheVolumeIsRefused() {
    refused(list(99, 2));
    refused(list(100, 1));
    refused(list(1, Long.MAX_VALUE));
    refused(list(Long.MAX_VALUE, 1));
  }

  @Test
  void anEmptyOrNegativeRunIsRefused() {
    refused(list(5, 0));
    refused(list(5, -1));
    refused(list(-1, 5));
  }

  @Test
  void runsOutOfOrderOrOverEachOtherAreRefused() {
    refused(list(50, 10, 5, 10));
    refused(list(5, 10, 14, 10));
  }

  @Test
  void aListThatIsCutOffIsRefused() {
    ByteBuf whole = list(1, 2, 5, 6);
    for (int length = 0; length < whole.readableBytes(); length++) {
      refused(whole.slice(0, length));
    }
  }

  @Test
  void aListThatClaimsToBeHugeIsRefusedBeforeMemoryIsTaken() {
    refused(Unpooled.buffer().writeInt(Integer.MAX_VALUE));
    refused(Unpooled.buffer().writeInt(-1));
  }

  @Test
  void aListThatIsTooLongIsMadeShorterAndHasAllOfItStill() {
    List<Run> runs = new ArrayList<>();
    for (long at = 0; at < 1000; at++) {
      Run.append(runs, 10 * at, 10 * at + 3);
    }
    assertEquals(runs, Run.atMost(1000, runs));
    for (int most : new int[] {1, 7, 333, 999}) {
      List<Run> fewer = Run.atMost(most, runs);
      assertTrue(fewer.size() <= most, fewer.size() + " runs");
      for (Run r : runs) {
        assertTrue(fewer.stream().anyMatch(f -> f.from() <= r.from() && r.end() <= f.end()));
      }
    }
  }
}
