package dev.wherry.path.file;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.io.Blocking;
import dev.wherry.path.io.Errno;
import dev.wherry.path.io.PosixException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class SlicesTest {
  private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
  private final Slices slices = new Slices(new Blocking(tasks::add), 100);
  private final List<String> ran = new ArrayList<>();

  private void record(long offset, long length) {
    ran.add(offset + "+" + length);
  }

  @Test
  void eachSliceIsATaskOfItsOwn() {
    CompletableFuture<Void> done = slices.run(50, 230, at -> at, this::record);
    for (int i = 0; i < 3; i++) {
      assertEquals(1, tasks.size());
      tasks.remove().run();
    }
    assertEquals(List.of("50+50", "100+100", "200+80"), ran);
    assertTrue(done.isDone() && tasks.isEmpty());
  }

  @Test
  void holesAreTakenInOneGo() {
    slices.run(50, 1000, at -> at < 200 ? 730 : at, this::record);
    while (!tasks.isEmpty()) {
      tasks.remove().run();
    }
    assertEquals(List.of("50+650", "700+100", "800+100", "900+100", "1000+50"), ran);
  }

  @Test
  void theFirstFailureEndsIt() {
    CompletableFuture<Void> done =
        slices.run(
            0,
            1000,
            at -> at,
            (at, length) -> {
              record(at, length);
              if (at == 100) {
                throw new PosixException("test", Errno.EIO);
              }
            });
    while (!tasks.isEmpty()) {
      tasks.remove().run();
    }
    assertEquals(List.of("0+100", "100+100"), ran);
    assertTrue(done.isCompletedExceptionally());
  }

  @Test
  void theEndOfTheLargestDeviceIsReached() {
    long start = Long.MAX_VALUE - 30;
    slices.run(start, 30, at -> Long.MAX_VALUE, this::record);
    while (!tasks.isEmpty()) {
      tasks.remove().run();
    }
    assertEquals(start + "+", ran.get(0).substring(0, 20));
  }
}
