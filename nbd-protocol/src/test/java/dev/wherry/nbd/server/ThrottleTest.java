package dev.wherry.nbd.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ThrottleTest {
  @Test
  void aFloodIsOneMessagePerSecondThatTellsHowManyItStandsFor() {
    Throttle throttle = new Throttle();
    assertEquals(1, throttle.happened(5));
    for (int i = 0; i < 999; i++) {
      assertEquals(0, throttle.happened(6 + i));
    }
    assertEquals(1000, throttle.happened(1_000_000_005));
    assertEquals(1, throttle.happened(3_000_000_000L));
  }
}
