package dev.wherry.path.align;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RangeLockTest {
  private final RangeLock lock = new RangeLock();
  private final List<String> ran = new ArrayList<>();
  private final Map<String, RangeLock.Hold> holds = new HashMap<>();

  private void ask(String name, long offset, long length, boolean exclusive) {
    lock.lock(
        offset,
        length,
        exclusive,
        hold -> {
          ran.add(name);
          holds.put(name, hold);
        });
  }

  private void release(String name) {
    holds.get(name).release();
  }

  @Test
  void rangesThatDoNotOverlapRunAtOnce() {
    ask("a", 0, 10, true);
    ask("b", 10, 10, true);
    ask("c", 100, 1, true);
    assertEquals(List.of("a", "b", "c"), ran);
  }

  @Test
  void anOverlapWaitsForThatRangeAlone() {
    ask("a", 0, 10, true);
    ask("b", 20, 10, true);
    ask("c", 5, 10, true);
    assertEquals(List.of("a", "b"), ran);
    release("a");
    assertEquals(List.of("a", "b", "c"), ran);
  }

  @Test
  void whoWaitsForTwoRunsAfterBoth() {
    ask("a", 0, 10, true);
    ask("b", 10, 10, true);
    ask("c", 5, 10, true);
    release("b");
    assertEquals(List.of("a", "b"), ran);
    release("a");
    assertEquals(List.of("a", "b", "c"), ran);
  }

  @Test
  void sharedHoldersRunTogetherAndNobodyOvertakesTheExclusiveOne() {
    ask("shared1", 0, 10, false);
    ask("shared2", 5, 10, false);
    ask("exclusive", 8, 1, true);
    ask("shared3", 0, 20, false);
    assertEquals(List.of("shared1", "shared2"), ran);
    release("shared1");
    release("shared2");
    assertEquals(List.of("shared1", "shared2", "exclusive"), ran);
    release("exclusive");
    assertEquals("shared3", ran.get(3));
  }

  @Test
  void anAttemptLeavesNoTraceWhereItWouldWait() {
    ask("a", 0, 10, true);
    assertNull(lock.tryLock(9, 1, false));
    RangeLock.Hold free = lock.tryLock(10, 1, true);
    assertNotNull(free);
    free.release();
    release("a");
    assertNotNull(lock.tryLock(0, 100, true));
  }

  @Test
  void aSecondReleaseIsAnError() {
    ask("a", 0, 10, true);
    ask("b", 10, 10, true);
    release("a");
    assertThrows(IllegalStateException.class, () -> release("a"));
  }

  @Test
  void underRandomUseExclusiveRangesNeverOverlapAndAllAreServed() {
    Random random = new Random(11);
    int[] holders = new int[64];
    List<Runnable> releases = new ArrayList<>();
    int[] served = {0};
    for (int i = 0; i < 5000; i++) {
      int start = random.nextInt(60);
      int length = 1 + random.nextInt(4);
      lock.lock(
          start,
          length,
          true,
          hold -> {
            served[0]++;
            for (int at = start; at < start + length; at++) {
              assertEquals(1, ++holders[at], "holders of " + at);
            }
            releases.add(
                () -> {
                  for (int at = start; at < start + length; at++) {
                    holders[at]--;
                  }
                  hold.release();
                });
          });
      if (random.nextInt(3) > 0 && !releases.isEmpty()) {
        releases.remove(random.nextInt(releases.size())).run();
      }
    }
    while (!releases.isEmpty()) {
      releases.remove(releases.size() - 1).run();
    }
    assertEquals(5000, served[0]);
  }
}
