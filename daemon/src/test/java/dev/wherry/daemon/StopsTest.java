package dev.wherry.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How the daemon is taken apart. */
class StopsTest {
  private final Stops stops = new Stops();
  private final List<String> done = new ArrayList<>();

  @Test
  void whatWasStartedLastStopsFirst() {
    stops.push(() -> done.add("one"));
    stops.push(() -> done.add("two"));
    assertTrue(stops.run());
    assertEquals(List.of("two", "one"), done);
  }

  @Test
  void aStepThatFailsIsToldAndKeepsNoOtherFromBeingDone() {
    stops.push(() -> done.add("one"));
    stops.push(() -> false);
    stops.pushAction(
        () -> {
          throw new IOException("broken");
        });
    assertFalse(stops.run());
    assertEquals(List.of("one"), done);
  }

  @Test
  void aSecondStopDoesNothing() {
    stops.push(() -> done.add("one"));
    assertTrue(stops.run());
    assertTrue(stops.run());
    assertEquals(List.of("one"), done);
  }
}
