package dev.wherry.path;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.junit.jupiter.api.Test;

class LaneTest {
  private final Queue<Runnable> pool = new ArrayDeque<>();
  private final List<Integer> done = new ArrayList<>();

  @Test
  void aVolumeTakesNoMoreThreadsThanItsWidth() {
    Lane lane = new Lane(pool::add, 2);
    for (int i = 0; i < 5; i++) {
      int n = i;
      lane.execute(() -> done.add(n));
    }
    assertEquals(2, pool.size());
  }

  @Test
  void whatWaitedRunsInOrderOnTheThreadThatIsFree() {
    Lane lane = new Lane(pool::add, 1);
    for (int i = 0; i < 3; i++) {
      int n = i;
      lane.execute(() -> done.add(n));
    }
    pool.remove().run();
    assertEquals(List.of(0, 1, 2), done);
    assertEquals(0, pool.size());
    lane.execute(() -> done.add(3));
    assertEquals(1, pool.size());
  }

  @Test
  void aTaskThatThrowsDoesNotStopTheOthers() throws InterruptedException {
    Lane lane = new Lane(pool::add, 1);
    lane.execute(
        () -> {
          throw new IllegalStateException("expected by the test");
        });
    lane.execute(() -> done.add(1));
    Thread worker = new Thread(pool.remove());
    worker.setUncaughtExceptionHandler((t, e) -> done.add(0));
    worker.start();
    worker.join();
    assertEquals(List.of(0, 1), done);
  }
}
