package dev.wherry.path.move;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.move.ReadAhead.Range;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ReadAheadTest {
  private static final long BLOCKS = 1 << 20;
  private final ReadAhead ahead = new ReadAhead(4096, BLOCKS, 2 << 20);

  @Test
  void aSecondReadInARowFetchesAheadAndTheWindowDoublesToTheLimit() {
    assertTrue(ahead.observe(100, 101).isEmpty());
    Range r = ahead.observe(101, 102);
    assertEquals(new Range(102, 118), r);
    long window = 16;
    for (int i = 0; i < 12; i++) {
      long miss = r.end(); // all that was fetched ahead was found here
      r = ahead.observe(miss, miss + 1);
      window = Math.min(512, 2 * window);
      assertEquals(new Range(miss + 1, miss + 1 + window), r);
    }
  }

  @Test
  void aReaderWhoWaitsForWhatIsOnItsWayIsKeptAhead() {
    long end = 0;
    long asked = 0;
    for (long b = 0; b < 5000; b++) {
      Range r = ahead.observe(b, b + 1);
      if (!r.isEmpty()) {
        assertTrue(r.from() >= Math.max(end, b + 1), "nothing is fetched twice");
        end = r.end();
        asked++;
      }
      assertTrue(end <= b + 1 + 512);
      assertTrue(b < 600 || end >= b + 256, "ahead at " + b + " to " + end);
    }
    assertTrue(asked < 40, "fetches " + asked);
  }

  @Test
  void randomReadsCauseNothing() {
    Random random = new Random(1);
    int caused = 0;
    for (int i = 0; i < 100_000; i++) {
      long b = (long) (random.nextDouble() * BLOCKS);
      caused += ahead.observe(b, b + 1).isEmpty() ? 0 : 1;
    }
    assertTrue(caused < 50, "caused " + caused);
  }

  @Test
  void severalStreamsAreKeptApart() {
    for (long s = 0; s < 6; s++) {
      assertTrue(ahead.observe(s * 10_000, s * 10_000 + 8).isEmpty());
    }
    for (long s = 0; s < 6; s++) {
      assertEquals(
          new Range(s * 10_000 + 16, s * 10_000 + 48),
          ahead.observe(s * 10_000 + 8, s * 10_000 + 16));
    }
  }

  @Test
  void readsThatOvertakeEachOtherAreOneStream() {
    Random random = new Random(3);
    int asked = 0;
    for (long i = 0; i < 1000; i += 4) {
      int turn = random.nextInt(4);
      for (int j = 0; j < 4; j++) {
        long b = i + (j + turn) % 4;
        asked += ahead.observe(b, b + 1).isEmpty() ? 0 : 1;
      }
    }
    assertTrue(asked > 2 && asked < 30, "fetches " + asked);
  }

  @Test
  void nothingIsFetchedBeyondTheEnd() {
    ahead.observe(BLOCKS - 6, BLOCKS - 4);
    assertEquals(new Range(BLOCKS - 2, BLOCKS), ahead.observe(BLOCKS - 4, BLOCKS - 2));
    assertTrue(ahead.observe(BLOCKS - 2, BLOCKS).isEmpty());
  }

  @Test
  void aLimitOfNothingSwitchesItOff() {
    ReadAhead off = new ReadAhead(1 << 20, 100, 4096);
    assertTrue(off.observe(0, 1).isEmpty());
    assertTrue(off.observe(1, 2).isEmpty());
  }

  @Test
  void aBlockOfAMebibyteIsReadAheadToo() {
    ReadAhead large = new ReadAhead(1 << 20, 100, 2 << 20);
    assertTrue(large.observe(0, 1).isEmpty());
    assertEquals(new Range(2, 4), large.observe(1, 2));
  }
}
